/** What every container has mounted and covered unless its user says otherwise; pure. Sources: runtime-spec config-linux.md, docs/security.md. */
import type { SpecMount } from './runtime-spec.ts';

/** The API file systems, in the order of mounting. `shmSizeBytes` limits /dev/shm. */
export function defaultMounts(options: {
  readonly shmSizeBytes: number;
  readonly ownNetwork: boolean;
  readonly ownPid: boolean;
  readonly ownIpc: boolean;
  readonly ttyGroup: boolean;
  /** Its own cgroups, as far as a cgroup namespace shows them; null leaves them out. */
  readonly cgroups: 'read-only' | 'writable' | null;
}): SpecMount[] {
  return [
    options.ownPid
      ? { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'nodev', 'noexec'] }
      : { destination: '/proc', type: 'bind', source: '/proc', options: ['rbind', 'nosuid', 'nodev', 'noexec'] },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'noexec', 'mode=755', 'size=65536k'] },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: [
        'nosuid',
        'noexec',
        'newinstance',
        'ptmxmode=0666',
        'mode=0620',
        ...(options.ttyGroup ? ['gid=5'] : []),
      ],
    },
    options.ownIpc
      ? {
          destination: '/dev/shm',
          type: 'tmpfs',
          source: 'shm',
          options: ['nosuid', 'nodev', 'noexec', 'mode=1777', `size=${String(options.shmSizeBytes)}`],
        }
      : { destination: '/dev/shm', type: 'bind', source: '/dev/shm', options: ['rbind', 'nosuid', 'nodev', 'noexec'] },
    ...(options.ownIpc
      ? [{ destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'nodev', 'noexec'] }]
      : []),
    options.ownNetwork
      ? { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'nodev', 'noexec', 'ro'] }
      : { destination: '/sys', type: 'bind', source: '/sys', options: ['rbind', 'nosuid', 'nodev', 'noexec', 'ro'] },
    ...(options.cgroups === null
      ? []
      : [
          {
            destination: '/sys/fs/cgroup',
            type: 'cgroup2',
            source: 'cgroup',
            options: ['nosuid', 'nodev', 'noexec', ...(options.cgroups === 'read-only' ? ['ro'] : [])],
          },
        ]),
  ];
}

/** The host's device nodes that are bound into /dev. Ordinary users cannot make nodes of their own. */
export const DEFAULT_DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'].map((name) => ({
  path: `/dev/${name}`,
  hostPath: `/dev/${name}`,
}));

/** Links that programs expect in /dev. */
export const DEVICE_LINKS: Readonly<Record<string, string>> = {
  '/dev/fd': '/proc/self/fd',
  '/dev/stdin': '/proc/self/fd/0',
  '/dev/stdout': '/proc/self/fd/1',
  '/dev/stderr': '/proc/self/fd/2',
  '/dev/ptmx': 'pts/ptmx',
};

/** Covered: they tell about or steer the host's kernel and hardware. */
export const MASKED_PATHS: readonly string[] = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/dev/block',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
  '/sys/fs/selinux',
];

/** Readable but not writable. */
export const READONLY_PATHS: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];
