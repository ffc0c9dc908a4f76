/** A plan made by hand with every important kind of step, for tests of what reads plans. */
import type { UserNamespace } from '../../src/linux/id-map.ts';
import { preparation, type Preparation } from '../../src/oci/rootfs-source.ts';
import type { Plan, Step, Why } from '../../src/plan/step.ts';

export interface SampleOptions {
  /** The directory that becomes the root file system. */
  readonly source: string;
  /** Where it is mounted. */
  readonly at: string;
  readonly userNamespaces: readonly [UserNamespace, ...UserNamespace[]];
  readonly hostname?: string;
  readonly env?: readonly string[];
  readonly argv?: readonly string[];
  readonly uid?: number;
  readonly network?: boolean;
  readonly prepare?: Partial<Preparation>;
  /** Steps put between the mounts of /dev and the covers. */
  readonly more?: readonly Step[];
}

const KEPT = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_NET_BIND_SERVICE',
];

const HELPER = [
  'slirp4netns',
  '--configure',
  '--mtu=65520',
  '--disable-host-loopback',
  '--ready-fd=3',
  '--exit-fd=4',
  '%pid',
  'tap0',
];

/** A reason for a step of a test. */
export function because(text: string, spec = 'hutch'): Why {
  return { spec, text };
}

/** A whole plan in the order that hutch itself uses. */
export function samplePlan(options: SampleOptions): Plan {
  return {
    version: 1,
    prepare: preparation(options.prepare ?? {}),
    enter: {
      userNamespaces: options.userNamespaces,
      pid: 'private',
      time: null,
      why: because('other namespaces need one of users'),
    },
    steps: [...namespaceSteps(options), ...mountSteps(options), ...lastSteps(options)],
  };
}

/** The user alone, mapped to root by the process itself. */
export function singleId(uid: number, gid: number): UserNamespace {
  return {
    uidMap: [{ containerId: 0, hostId: uid, count: 1 }],
    gidMap: [{ containerId: 0, hostId: gid, count: 1 }],
    writer: 'self',
  };
}

/** Root is the user, 1 to `count` are ids from `first` on. */
export function withSubordinates(uid: number, gid: number, first: number, count: number): UserNamespace {
  const rest = { containerId: 1, hostId: first, count };
  return {
    uidMap: [{ containerId: 0, hostId: uid, count: 1 }, rest],
    gidMap: [{ containerId: 0, hostId: gid, count: 1 }, rest],
    writer: 'newuidmap',
  };
}

function namespaceSteps({ userNamespaces, hostname = 'sample', network = false }: SampleOptions): Step[] {
  const clearGroups = userNamespaces[0].writer !== 'self';
  return [
    { kind: 'setsid', why: because('no terminal of the host in reach') },
    { kind: 'become_root', clearGroups, why: because('root prepares the container') },
    {
      kind: 'unshare',
      namespaces: ['mount', 'uts', 'ipc', 'network', 'cgroup'],
      why: because('its own views', 'linux.namespaces'),
    },
    { kind: 'make_slave', why: because('mounts stay here') },
    ...(network
      ? [{ kind: 'wait_for', what: 'network', helper: HELPER, why: because('the helper brings tap0') } as const]
      : []),
    { kind: 'set_hostname', hostname, why: because('a name of its own', 'hostname') },
  ];
}

function mountSteps({ source, at, more = [] }: SampleOptions): Step[] {
  const device = (name: string): Step => ({
    kind: 'bind',
    source: `/dev/${name}`,
    target: `/dev/${name}`,
    recursive: false,
    attributes: ['nosuid', 'noexec'],
    create: 'file',
    why: because('a node of the host', 'linux.devices'),
  });
  return [
    { kind: 'bind_root', source, at, why: because('pivot_root wants a mount', 'root.path') },
    { kind: 'open_root', at, why: because('targets are resolved beneath it', 'root.path') },
    {
      kind: 'mount',
      type: 'proc',
      target: '/proc',
      options: {},
      attributes: ['nosuid', 'nodev', 'noexec'],
      why: because('processes', 'mounts[0]'),
    },
    {
      kind: 'mount',
      type: 'tmpfs',
      target: '/dev',
      options: { mode: '755', size: '64k' },
      attributes: ['nosuid', 'noexec'],
      why: because('a small /dev', 'mounts[1]'),
    },
    device('null'),
    device('zero'),
    { kind: 'make_symlink', target: '/dev/fd', to: '/proc/self/fd', why: because('programs expect it') },
    {
      kind: 'mount',
      type: 'devpts',
      target: '/dev/pts',
      options: { newinstance: null, ptmxmode: '0666', mode: '0620' },
      attributes: ['nosuid', 'noexec'],
      why: because('terminals', 'mounts[2]'),
    },
    {
      kind: 'mount',
      type: 'sysfs',
      target: '/sys',
      options: {},
      attributes: ['ro', 'nosuid', 'nodev', 'noexec'],
      why: because('devices', 'mounts[3]'),
    },
    ...more,
    { kind: 'loopback_up', why: because('lo is down at first') },
    {
      kind: 'sysctl',
      name: 'net.ipv4.ip_unprivileged_port_start',
      value: '0',
      optional: true,
      why: because('low ports', 'linux.sysctl'),
    },
    { kind: 'stdio', terminal: false, stdin: true, uid: 0, gid: 0, why: because('pipes', 'process.terminal') },
    { kind: 'make_read_only', target: '/proc/sys', why: because('settings of the host', 'linux.readonlyPaths[0]') },
    { kind: 'mask', target: '/proc/kcore', why: because('memory of the host', 'linux.maskedPaths[0]') },
    { kind: 'mask', target: '/sys/firmware', why: because('the firmware', 'linux.maskedPaths[1]') },
    { kind: 'mask', target: '/sys/dev/block', why: because('disks of the host', 'linux.maskedPaths[2]') },
    { kind: 'mask', target: '/proc/not-there', why: because('nothing', 'linux.maskedPaths[3]') },
  ];
}

function lastSteps({ userNamespaces, uid = 0, env = ['PATH=/bin'], argv = ['sh'] }: SampleOptions): Step[] {
  const permitted = KEPT;
  return [
    { kind: 'make_root_read_only', why: because('nothing can be changed', 'root.readonly') },
    { kind: 'pivot_root', why: because("the host's tree goes", 'root.path') },
    { kind: 'change_directory', target: '/work', why: because('the working directory', 'process.cwd') },
    { kind: 'join_keyring', name: 'hutch', required: false, why: because('keys are out of reach') },
    { kind: 'set_rlimit', resource: 'NOFILE', soft: 256, hard: 512, why: because('a limit', 'process.rlimits[0]') },
    { kind: 'set_rlimit', resource: 'CORE', soft: 0, hard: 0, why: because('a limit', 'process.rlimits[1]') },
    { kind: 'bound_capabilities', keep: KEPT, why: because('never more', 'process.capabilities.bounding') },
    {
      kind: 'set_user',
      uid,
      gid: uid,
      groups: [],
      setGroups: userNamespaces[0].writer !== 'self',
      why: because('the user', 'process.user'),
    },
    {
      kind: 'set_capabilities',
      effective: permitted,
      permitted,
      inheritable: [],
      ambient: [],
      why: because('what root may do', 'process.capabilities'),
    },
    { kind: 'set_umask', mask: 0o027, why: because('modes of new files', 'process.user.umask') },
    { kind: 'reset_signals', why: because('Node ignores two') },
    { kind: 'close_descriptors', why: because('three files and no more') },
    { kind: 'no_new_privileges', why: because('setuid gives nothing', 'process.noNewPrivileges') },
    { kind: 'landlock', scopeAbstractSockets: false, why: because('a second fence') },
    {
      kind: 'seccomp',
      profile: 'default',
      instructions: 1,
      program: 'BgAAAAAA/38=',
      why: because('refused calls', 'linux.seccomp'),
    },
    { kind: 'execve', argv, env, why: because('the payload', 'process.args') },
  ];
}
