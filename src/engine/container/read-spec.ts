/** The runtime spec of a container that was made; reads the host, in the CLI process. */
import { join } from 'node:path';
import { HUTCH_ANNOTATIONS, type RuntimeSpec, type SpecMount } from '../../oci/runtime-spec.ts';
import { containerDirectory } from '../../state/container-id.ts';
import { readJsonFile } from '../../state/json-file.ts';
import type { Store } from '../../state/store.ts';
import { INIT_TARGET } from './payload-arguments.ts';

/** Undefined for a container that is not whole yet, or being removed. RECORD_CORRUPT when it cannot be read. */
export function readSpec(store: Store, id: string): RuntimeSpec | undefined {
  return readJsonFile(join(containerDirectory(store, id), 'config.json')) as RuntimeSpec | undefined;
}

/** Places of the host that a container sees when it shares a namespace with it, without any -v. */
const SHARED_PLACES: readonly string[] = ['/proc', '/sys', '/dev/shm', '/dev/mqueue'];

/** The mounts that the user asked for with -v: not what hutch itself binds, such as /etc/hosts. */
export function volumesOf(store: Store, spec: RuntimeSpec): readonly SpecMount[] {
  // Also those of a container whose network it shares; nobody can ask for a file of the store.
  const own = `${store.containers}/`;
  return spec.mounts.filter(
    ({ type, source, destination }) =>
      type === 'bind' &&
      destination !== INIT_TARGET &&
      !(destination === '/etc/localtime' && spec.annotations[HUTCH_ANNOTATIONS.timeZone] !== undefined) &&
      !source.startsWith(own) &&
      !(source === destination && SHARED_PLACES.includes(source)),
  );
}

/** The network driver by its name; empty when the spec does not say it. */
export function networkOf(spec: RuntimeSpec): string {
  return spec.annotations[HUTCH_ANNOTATIONS.network] ?? '';
}
