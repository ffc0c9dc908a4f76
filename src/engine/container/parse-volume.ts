/** Reading `-v SRC:DST[:options]` and `--tmpfs DST[:options]`, and the mounts that these and --mount stand for; looks at the host's files, changes nothing. */
import { existsSync, realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { HutchError } from '../../errors/hutch-error.ts';
import type { SpecMount } from '../../oci/runtime-spec.ts';
import type { Store } from '../../state/store.ts';
import { badValue, parseContainerPath, parseSize } from './parse-values.ts';

export const VOLUME_OPTIONS: readonly string[] = [
  'ro',
  'rw',
  'bind',
  'rbind',
  'suid',
  'nosuid',
  'dev',
  'nodev',
  'exec',
  'noexec',
  'z',
  'Z',
  'private',
  'rprivate',
];
const VOLUME_FORM =
  'SRC:DST or SRC:DST:ro, where SRC is an existing path that begins with / or ./ and DST an absolute one';

/** The mount of a `-v` value. Set-uid files and devices in it have no effect unless `suid` or `dev` is given. */
export function parseVolume(text: string, store: Store): SpecMount {
  const [source = '', target = '', options = '', ...rest] = text.split(':');
  if (target === '' || source === '' || rest.length > 0) throw badValue('-v', text, VOLUME_FORM);
  const given = options === '' ? [] : options.split(',');
  const unknown = given.find((option) => !VOLUME_OPTIONS.includes(option));
  if (unknown !== undefined)
    throw badValue('-v', text, `options out of ${VOLUME_OPTIONS.join(', ')}; "${unknown}" is none`);
  if (given.includes('ro') && given.includes('rw')) throw badValue('-v', text, 'either ro or rw');
  return bindMount({ flag: '-v', text }, { source, target, options: given }, store);
}

/** The words of the user, for errors. */
export interface Asked {
  readonly flag: '-v' | '--mount';
  /** The whole value of the flag. */
  readonly text: string;
}

interface Place {
  readonly source: string;
  readonly target: string;
  readonly options: readonly string[];
}

/** A path of the host at a place in the container. VOLUME_INVALID when the path is not there or hutch's own, USAGE_INVALID for a wrong place. */
export function bindMount(asked: Asked, { source, target, options }: Place, store: Store): SpecMount {
  requirePath(asked, source);
  const path = existingPath(asked, source);
  refuseOwnStore(asked, path, store);
  const destination = parseTarget(asked.flag, asked.text, target);
  return { destination, type: 'bind', source: path, options: volumeOptions(options, statSync(path).isDirectory()) };
}

/** Where a mount or cover goes: neither to the root nor over the processes of /proc, through which the kernel is spoken to. */
export function parseTarget(flag: string, text: string, target: string): string {
  const destination = parseContainerPath(flag, target);
  if (destination === '/') throw badValue(flag, text, 'a place below /; the root itself comes from the image');
  if (/^\/proc(?:$|\/(?:\d+|self|thread-self)(?:$|\/))/u.test(destination))
    throw badValue(flag, text, 'a place outside of /proc; programs, hutch first, read there about themselves');
  return destination;
}

function volumeOptions(given: readonly string[], isDirectory: boolean): string[] {
  return [
    given.includes('bind') ? 'bind' : 'rbind',
    given.includes('ro') ? 'ro' : 'rw',
    ...(given.includes('suid') ? [] : ['nosuid']),
    ...(given.includes('dev') ? [] : ['nodev']),
    ...(given.includes('noexec') ? ['noexec'] : []),
    ...(isDirectory ? [] : ['create=file']),
  ];
}

function requirePath({ flag, text }: Asked, source: string): void {
  if (/^(?:\/|\.{1,2}(?:\/|$)|~\/)/u.test(source)) return;
  throw new HutchError(`invalid value "${text}" for ${flag}: "${source}" is not a path`, {
    code: 'VOLUME_INVALID',
    hint: `write ./${source} for a directory here, or an absolute path; named volumes are not built yet`,
  });
}

function existingPath({ flag, text }: Asked, source: string): string {
  // A shell expands ~ at the beginning of a word only, so not in --volume=~/x:/x.
  const path = source.startsWith('~/') ? join(homedir(), source.slice(2)) : resolve(source);
  if (existsSync(path)) return path;
  throw new HutchError(`${flag} ${text}: ${path} does not exist on the host`, {
    code: 'VOLUME_INVALID',
    hint: `make it first (mkdir -p ${path}), or check the spelling`,
    context: { path },
  });
}

function refuseOwnStore({ flag, text }: Asked, path: string, store: Store): void {
  const real = realpathSync(path);
  const own = [store.root, store.run].find((place) => real === place || real.startsWith(`${place}/`));
  if (own === undefined) return;
  throw new HutchError(`${flag} ${text} would give the container hutch's own files in ${own}`, {
    code: 'VOLUME_INVALID',
    hint: 'choose another directory',
    context: { path },
  });
}

/**
 * A warning for a writable volume that other users of the host can reach: what root in the container makes set-uid there is
 * set-uid *you* on the host. Null when the way to it is closed to others.
 */
export function volumeWarning(mount: SpecMount): string | null {
  if (mount.options.includes('ro') || process.getuid?.() === 0) return null;
  for (let path = realpathSync(mount.source); ; path = dirname(path)) {
    const { mode } = statSync(path);
    if ((mode & 0o001) === 0 && statSync(path).isDirectory()) return null;
    if (path === '/') break;
  }
  return `other users of this host can reach ${mount.source}: a set-uid file that the container makes there would let them act as you (chmod o-x it, or mount it :ro)`;
}

const TMPFS_FLAGS: readonly string[] = ['ro', 'rw', 'noexec', 'exec', 'nosuid', 'suid', 'nodev', 'dev', 'noatime'];

/** The mount of a `--tmpfs` value. */
export function parseTmpfs(text: string): SpecMount {
  const colon = text.indexOf(':');
  const target = colon < 0 ? text : text.slice(0, colon);
  const given =
    colon < 0
      ? []
      : text
          .slice(colon + 1)
          .split(',')
          .filter((option) => option !== '');
  const options = given.map((option) => tmpfsOption(text, option));
  return tmpfsMount(parseTarget('--tmpfs', text, target), given, options);
}

/** `given` is what says how open it is; `options` are those that are passed on. Without any: rw, noexec, nosuid, nodev, mode 1777. */
export function tmpfsMount(destination: string, given: readonly string[], options: readonly string[]): SpecMount {
  return {
    destination,
    type: 'tmpfs',
    source: 'tmpfs',
    options: [
      ...(given.includes('exec') ? [] : ['noexec']),
      ...(given.includes('suid') ? [] : ['nosuid']),
      ...(given.includes('dev') ? [] : ['nodev']),
      ...(given.some((option) => option.startsWith('mode=')) ? [] : ['mode=1777']),
      ...options.filter((option) => !['noexec', 'nosuid', 'nodev'].includes(option)),
    ],
  };
}

function tmpfsOption(text: string, option: string): string {
  if (TMPFS_FLAGS.includes(option) || /^(?:mode=[0-7]{3,4}|uid=\d+|gid=\d+|nr_inodes=\d+k?)$/u.test(option))
    return option;
  if (option.startsWith('size='))
    return option.endsWith('%') ? option : `size=${String(parseSize('--tmpfs', option.slice(5), text))}`;
  throw badValue(
    '--tmpfs',
    text,
    `PATH or PATH:options with options out of ${TMPFS_FLAGS.join(', ')}, size=, mode=, uid=, gid=; "${option}" is none`,
  );
}
