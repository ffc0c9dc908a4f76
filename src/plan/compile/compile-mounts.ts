/** The spec's mounts and devices as steps; pure. */
import { HutchError } from '../../errors/hutch-error.ts';
import { DEVICE_LINKS } from '../../oci/default-mounts.ts';
import type { RuntimeSpec, SpecMount } from '../../oci/runtime-spec.ts';
import type { MountAttribute, Step, StepFields, Why } from '../step.ts';

const ATTRIBUTES: readonly string[] = ['ro', 'nosuid', 'nodev', 'noexec', 'noatime'] satisfies MountAttribute[];
/** Options that say what is so anyway, or take back an attribute that is not set. */
const SILENT: readonly string[] = [
  'rw',
  'bind',
  'rbind',
  'suid',
  'dev',
  'exec',
  'private',
  'rprivate',
  'relatime',
  'newinstance',
  'create=file',
  'create=directory',
];
const TYPES: readonly string[] = [
  'proc',
  'sysfs',
  'tmpfs',
  'devpts',
  'mqueue',
  'cgroup2',
] satisfies StepFields['mount']['type'][];

/** One step for each mount in the spec's order; the devices and links of /dev follow the mount of /dev. */
export function compileMounts(spec: RuntimeSpec): Step[] {
  return spec.mounts.flatMap((mount, index) => [
    compileMount(mount, `mounts[${String(index)}]`),
    ...(mount.destination === '/dev' && mount.type === 'tmpfs' ? compileDevices(spec) : []),
  ]);
}

function compileMount(mount: SpecMount, pointer: string): Step {
  const why: Why = { spec: pointer, text: reasonFor(mount) };
  const attributes = mount.options.filter((option) => ATTRIBUTES.includes(option)) as MountAttribute[];
  if (mount.type === 'bind') {
    return {
      kind: 'bind',
      source: mount.source,
      target: mount.destination,
      recursive: mount.options.includes('rbind'),
      attributes,
      create: mount.options.includes('create=file') ? 'file' : 'directory',
      why,
    };
  }
  if (!TYPES.includes(mount.type)) {
    throw new HutchError(`${pointer}: file system type "${mount.type}" cannot be mounted in a container`, {
      code: 'SPEC_INVALID',
      hint: `use one of bind, ${TYPES.join(', ')}`,
    });
  }
  const options = mount.options
    .filter((option) => !ATTRIBUTES.includes(option) && !SILENT.includes(option))
    .map(keyAndValue);
  return {
    kind: 'mount',
    type: mount.type as StepFields['mount']['type'],
    target: mount.destination,
    options: Object.fromEntries(options),
    attributes,
    why,
  };
}

function keyAndValue(option: string): [string, string | null] {
  const equals = option.indexOf('=');
  return equals < 0 ? [option, null] : [option.slice(0, equals), option.slice(equals + 1)];
}

const REASONS: Readonly<Record<string, string>> = {
  '/proc': 'the processes of the container, seen through its own pid namespace',
  '/dev': 'a small /dev of its own, empty at first',
  '/dev/pts': 'terminals of its own, apart from those of the host',
  '/dev/shm': 'shared memory of its own, limited in size',
  '/dev/mqueue': 'message queues of its own',
  '/sys': 'the devices of its own network namespace, read-only',
  '/sys/fs/cgroup': 'its own cgroup and those below it: what it may use, and what it has used',
  '/etc/hosts': 'names that hutch keeps for this container',
  '/etc/hostname': "the container's name",
  '/etc/localtime': 'the time zone that was asked for',
  '/etc/resolv.conf': 'name servers that can be reached from this network',
};

function reasonFor(mount: SpecMount): string {
  const known = REASONS[mount.destination];
  if (known !== undefined) return known;
  return mount.type === 'bind' ? 'a volume that was asked for' : `a ${mount.type} that was asked for`;
}

function compileDevices(spec: RuntimeSpec): Step[] {
  const nodes = spec.linux.devices.map((device, index): Step => ({
    kind: 'bind',
    source: device.hostPath,
    target: device.path,
    recursive: false,
    attributes: ['nosuid', 'noexec'],
    create: 'file',
    why: {
      spec: `linux.devices[${String(index)}]`,
      text: "the host's node: nobody may make device nodes in a user namespace",
    },
  }));
  const links = Object.entries(DEVICE_LINKS).map(([target, to]): Step => ({
    kind: 'make_symlink',
    target,
    to,
    why: { spec: 'hutch', text: 'a link that programs expect in /dev' },
  }));
  return [...nodes, ...links];
}
