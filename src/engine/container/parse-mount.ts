/** Reading `--mount type=bind,src=…,dst=…`; looks at the host's files, changes nothing. Loaded for those alone who use it. */
import { HutchError } from '../../errors/hutch-error.ts';
import type { SpecMount } from '../../oci/runtime-spec.ts';
import type { Store } from '../../state/store.ts';
import { bindMount, parseTarget, tmpfsMount, VOLUME_OPTIONS } from './parse-volume.ts';
import { badValue, parseSize } from './parse-values.ts';
import { splitFields } from './split-fields.ts';

const FLAG = '--mount';
const FORM = 'type=bind,src=SRC,dst=DST[,readonly] or type=tmpfs,dst=DST[,tmpfs-size=64m,tmpfs-mode=1777]';

/** Other names of the same keys. Source: docker-run(1), podman-run(1). */
const SAME: Readonly<Record<string, string>> = {
  source: 'src',
  destination: 'dst',
  target: 'dst',
  readonly: 'ro',
};

/** Types that hutch has no mounts of: the reason, and what there is instead. */
const REFUSED: Readonly<Record<string, readonly [reason: string, instead: string]>> = {
  volume: [
    'named volumes are not built yet',
    'use type=bind with src=./DIRECTORY for a directory here, or an absolute path; type=bind must be given, as type=volume is what is meant without',
  ],
  image: [
    'a container has no other image than its own',
    'copy what is needed out of the image by hutch create and hutch cp',
  ],
  devpts: ['each container has a devpts of its own in /dev/pts', 'leave it out'],
  ramfs: ['a ramfs has no limit of its size', 'use type=tmpfs'],
  glob: ['one mount has one source', 'give a --mount for each of the paths'],
  npipe: ['named pipes of this kind are for Windows', 'bind a fifo or a socket by type=bind'],
  cluster: ['there is no cluster', 'use type=bind'],
};

interface Field {
  readonly key: string;
  /** Undefined: a word without `=`. */
  readonly value: string | undefined;
}

/** The mount of a `--mount` value. USAGE_INVALID, or VOLUME_INVALID for a source that cannot be bound; each names the whole value. */
export function parseMount(text: string, store: Store): SpecMount {
  const fields = (splitFields(text) ?? refuse(text, `${FORM}; a quote is not closed`)).map(fieldOf);
  const type = fields.find(({ key }) => key === 'type')?.value ?? 'volume';
  const rest = fields.filter(({ key }) => key !== 'type');
  if (type === 'bind') return parseBind(text, rest, store);
  if (type === 'tmpfs') return parseTmpfsMount(text, rest);
  throw refusedType(text, type);
}

function fieldOf(field: string): Field {
  const equals = field.indexOf('=');
  const key = (equals < 0 ? field : field.slice(0, equals)).trim();
  return { key: SAME[key] ?? key, value: equals < 0 ? undefined : field.slice(equals + 1) };
}

function refuse(text: string, form: string): never {
  throw badValue(FLAG, text, form);
}

function refusedType(text: string, type: string): HutchError {
  const refused = REFUSED[type];
  if (refused === undefined) return badValue(FLAG, text, `${FORM}; there is no type "${type}"`);
  const [reason, hint] = refused;
  return new HutchError(`invalid value "${text}" for ${FLAG}: type=${type} cannot be had: ${reason}`, {
    code: 'VOLUME_INVALID',
    hint,
    context: { flag: FLAG, value: text },
  });
}

function parseBind(text: string, fields: readonly Field[], store: Store): SpecMount {
  const options = fields.flatMap((field) => bindOptions(text, field));
  if (options.includes('ro') && options.includes('rw')) refuse(text, 'either ro or rw');
  const source = required(text, fields, 'src');
  return bindMount({ flag: FLAG, text }, { source, target: required(text, fields, 'dst'), options }, store);
}

function required(text: string, fields: readonly Field[], key: 'src' | 'dst'): string {
  // As docker has it, the last one counts.
  const value = fields.findLast((field) => field.key === key)?.value ?? '';
  return value === '' ? refuse(text, `${FORM}; ${key}= is missing`) : value;
}

/** What `-v` has for each key. */
const BIND_KEYS: Readonly<Record<string, (text: string, value: string | undefined) => string[]>> = {
  src: () => [],
  dst: () => [],
  // For Docker Desktop; nothing is cached here.
  consistency: () => [],
  ro: (text, value) => [isTrue(text, 'readonly', value) ? 'ro' : 'rw'],
  rw: (text, value) => [isTrue(text, 'rw', value) ? 'rw' : 'ro'],
  'bind-nonrecursive': (text, value) => (isTrue(text, 'bind-nonrecursive', value) ? ['bind'] : []),
  'bind-recursive': recursion,
  'bind-propagation': propagation,
  relabel: (text, value) =>
    value === 'shared' || value === 'private' ? [] : refuse(text, 'relabel=shared or relabel=private'),
};

function bindOptions(text: string, { key, value }: Field): string[] {
  if (Object.hasOwn(BIND_KEYS, key)) return BIND_KEYS[key]?.(text, value) ?? [];
  if (value === undefined && VOLUME_OPTIONS.includes(key)) return [key];
  return refuse(text, `keys out of type, src, dst, readonly, bind-propagation, bind-recursive; "${key}" is none`);
}

/** What is mounted below a read-only source is read-only, too. */
function recursion(text: string, value = ''): string[] {
  if (value === 'enabled' || value === 'readonly') return [];
  if (value === 'disabled') return ['bind'];
  if (value === 'writable')
    refuse(text, 'bind-recursive=enabled; what is mounted below a read-only source is always read-only, too');
  return refuse(text, 'bind-recursive=enabled, readonly or disabled');
}

function propagation(text: string, value = ''): string[] {
  if (value === 'private' || value === 'rprivate') return [];
  return refuse(
    text,
    'bind-propagation=rprivate; a container takes no part in what is mounted on the host after its start, nor the host in its mounts',
  );
}

function isTrue(text: string, key: string, value = 'true'): boolean {
  if (['true', '1'].includes(value.toLowerCase())) return true;
  return ['false', '0'].includes(value.toLowerCase()) ? false : refuse(text, `${key}=true or ${key}=false`);
}

function parseTmpfsMount(text: string, fields: readonly Field[]): SpecMount {
  const options = fields.flatMap((field) => tmpfsOptions(text, field));
  return tmpfsMount(parseTarget(FLAG, text, required(text, fields, 'dst')), options, options);
}

/** What `--tmpfs` has for a key. */
function tmpfsOptions(text: string, { key, value }: Field): string[] {
  if (key === 'dst' || key === 'consistency') return [];
  if (key === 'ro') return isTrue(text, key, value) ? ['ro'] : [];
  if (key === 'src') refuse(text, 'no src= with type=tmpfs; it is empty at first');
  if (key === 'tmpfs-size' && value !== undefined) return [`size=${String(parseSize(FLAG, value, text))}`];
  if (key === 'tmpfs-mode' && /^0*[0-7]{3,4}$/u.test(value ?? '')) return [`mode=${(value ?? '').slice(-4)}`];
  if (key === 'tmpfs-mode') refuse(text, 'an octal tmpfs-mode such as 1777');
  if (value === undefined && ['rw', 'exec', 'noexec', 'suid', 'nosuid', 'dev', 'nodev'].includes(key)) return [key];
  return refuse(text, `keys out of type, dst, readonly, tmpfs-size, tmpfs-mode; "${key}" is none`);
}
