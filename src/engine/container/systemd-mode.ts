/** Whether a container is made for a systemd as its process 1, and what such a container has more; pure. Source: systemd.io, "The Container Interface". */
import { basename } from 'node:path';
import type { SpecMount } from '../../oci/runtime-spec.ts';
import type { ImageSource } from './image-source.ts';
import { parseTmpfs } from './parse-volume.ts';
import { badValue } from './parse-values.ts';
import { payloadArguments } from './payload-arguments.ts';
import type { RunRequest } from './run-request.ts';

/** `asked`: by a flag, so what it needs must be there. `recognized`: by its command, as podman does. */
export type SystemdMode = 'asked' | 'recognized' | 'off';

const INITS = ['/sbin/init', '/usr/sbin/init', '/usr/local/sbin/init'];

/** Reads --systemd. USAGE_INVALID. */
export function systemdMode(request: RunRequest, image: ImageSource): SystemdMode {
  const { systemd: word = 'auto' } = request;
  if (word === 'false') return 'off';
  if (word === 'true' || word === 'always') return 'asked';
  if (word !== 'auto') throw badValue('--systemd', word, 'auto, true, always or false');
  const [program = ''] = payloadArguments(request, image);
  return INITS.includes(program) || basename(program) === 'systemd' ? 'recognized' : 'off';
}

/** What it writes to before it has mounted anything; --tmpfs and --volume overrule it. */
export function systemdTmpfs(request: RunRequest): SpecMount[] {
  const taken = [...request.tmpfs, ...request.volumes.map((text) => text.split(':')[1] ?? '')];
  return ['/run', '/run/lock', '/tmp']
    .filter((path) => !taken.some((text) => text === path || text.startsWith(`${path}:`)))
    .map((path) => parseTmpfs(`${path}:exec,mode=${path === '/run' ? '755' : '1777'}`));
}

/** An image without a machine id gets one that stays the same for this container. */
export function systemdEnvironment({ request, image, id }: SystemdInput): string[] {
  return systemdMode(request, image) === 'off' ? [] : [`container_uuid=${uuidOf(id)}`];
}

interface SystemdInput {
  readonly request: RunRequest;
  readonly image: ImageSource;
  /** Of the container: 64 hexadecimal digits. */
  readonly id: string;
}

/** Of 32 digits; the version and variant of a random one, as systemd wants. Source: RFC 9562. */
function uuidOf(id: string): string {
  const [, a = '', b = '', c = '', d = '', e = ''] = /^(.{8})(.{4}).(.{3}).(.{3})(.{12})/u.exec(id) ?? [];
  return `${a}-${b}-4${c}-8${d}-${e}`;
}
