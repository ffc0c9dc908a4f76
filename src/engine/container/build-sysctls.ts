/** Kernel settings of a container: those that belong to a namespace of its own. */
import { defaultSysctls } from '../../oci/default-sysctls.ts';
import type { SpecIdMapping, SpecNamespaceType } from '../../oci/runtime-spec.ts';
import { badValue, parsePair } from './parse-values.ts';

/** Which namespace a setting belongs to. Source: sysctl tables of the kernel, namespaces(7). */
const OWNED: readonly (readonly [RegExp, SpecNamespaceType])[] = [
  [/^net\./u, 'network'],
  [/^fs\.mqueue\./u, 'ipc'],
  [/^kernel\.(?:msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)$/u, 'ipc'],
  [/^kernel\.(?:hostname|domainname)$/u, 'uts'],
];

/** The settings asked for, after hutch's own for a private network. USAGE_INVALID for a setting that would change the host. */
export function buildSysctls(
  asked: readonly string[],
  has: (type: SpecNamespaceType) => boolean,
  gidMappings: readonly SpecIdMapping[],
): Record<string, string> {
  const own = has('network') ? defaultSysctls(gidMappings) : {};
  return { ...own, ...Object.fromEntries(asked.map((text) => checkedPair(text, has))) };
}

function checkedPair(text: string, has: (type: SpecNamespaceType) => boolean): [string, string] {
  const [written, value] = parsePair('--sysctl', text);
  const name = written.replaceAll('/', '.');
  const owner = OWNED.find(([pattern]) => pattern.test(name))?.[1];
  if (owner === undefined || name.includes('..') || !/^[\w.-]+$/u.test(name)) {
    throw badValue(
      '--sysctl',
      text,
      'a setting of a namespace: net.*, fs.mqueue.*, kernel.shm*, kernel.msg*, kernel.sem; others would change the host',
    );
  }
  if (value.trim() === '') throw badValue('--sysctl', text, 'NAME=VALUE with a value');
  if (!has(owner))
    throw badValue('--sysctl', text, `a new ${owner} namespace with it; this container shares that of others`);
  return [name, value];
}
