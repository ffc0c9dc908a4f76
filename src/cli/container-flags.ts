/** The flags that describe a container, shared by `run` and `plan run`; CLI process. */
import { HutchError } from '../errors/hutch-error.ts';
import type { WatchPull } from '../engine/container/pull-policy.ts';
import type { RunRequest } from '../engine/container/run-request.ts';
import { Flags } from './base-command.ts';
import { LIMIT_FLAGS, limitsFrom, RATE_FLAGS, rateFrom } from './limit-flags.ts';
import { REFUSED_FLAGS } from './refused-flags.ts';
import { CONTENT_TRUST, PLATFORM_FLAGS, platformFrom, REGISTRY_FLAGS } from './registry-flags.ts';
import { SQUASH_IDS } from './squash-ids.ts';

const several = (description: string, char?: 'e' | 'v' | 'l' | 'p') =>
  Flags.string({ multiple: true, description, ...(char === undefined ? {} : { char }) });
const one = (description: string) => Flags.string({ description });

export const CONTAINER_FLAGS = {
  interactive: Flags.boolean({ char: 'i', description: 'connect stdin' }),
  tty: Flags.boolean({ char: 't', description: "allocate a terminal from the container's own devpts" }),
  name: one('name of the container'),
  replace: Flags.boolean({ description: 'remove the container that has this --name first, also one that runs' }),
  env: several('set NAME=VALUE, or pass on your own NAME', 'e'),
  'env-file': several('read environment lines from a file'),
  workdir: Flags.string({ char: 'w', description: 'working directory in the container' }),
  user: Flags.string({ char: 'u', description: 'USER[:GROUP], names or ids' }),
  'group-add': several('another group of the user'),
  entrypoint: one("program to run instead of the image's; empty for none"),
  hostname: Flags.string({ char: 'h', description: 'host name in the container' }),
  domainname: one('NIS domain name in the container'),
  'read-only': Flags.boolean({ description: 'make the root file system read-only' }),
  tmpfs: several('mount a tmpfs: PATH[:size=64m,mode=1777,…]'),
  volume: several('bind a host path: SRC:DST[:ro]', 'v'),
  mount: several(
    'the same in other words: type=bind,src=SRC,dst=DST[,readonly], or type=tmpfs,dst=DST[,tmpfs-size=64m]',
  ),
  'cap-add': several('add a capability, or ALL'),
  'cap-drop': several('drop a capability, or ALL'),
  'security-opt': several('seccomp=default|nesting|unconfined|FILE, no-new-privileges, mask=PATH, unmask=PATH|ALL'),
  privileged: Flags.boolean({
    description: 'no fences of hutch: all capabilities of the user namespace, no filter, nothing masked',
  }),
  init: Flags.boolean({ description: 'run a small init as PID 1 that reaps zombies and passes signals on' }),
  ulimit: several('NAME=SOFT[:HARD], such as nofile=1024:4096'),
  sysctl: several('NAME=VALUE of a namespace of the container'),
  'shm-size': one('size of /dev/shm, such as 64m'),
  'add-host': several('NAME:ADDRESS for /etc/hosts; the address host-gateway leads to this host'),
  'no-hosts': Flags.boolean({ description: 'leave /etc/hosts as the image has it' }),
  dns: several('name server'),
  'dns-search': several('search domain'),
  'dns-option': Flags.string({
    multiple: true,
    aliases: ['dns-opt'],
    description: 'option of resolv.conf, such as ndots:2',
  }),
  network: Flags.string({
    multiple: true,
    aliases: ['net'],
    description:
      'slirp4netns (default), pasta, none, host, container:NAME for that of another container, or networks of yours: NAME[:ip=…,ip6=…,alias=…,mac=…]',
  }),
  'network-alias': several('one more name of the container on its networks'),
  ip: one('its address on its network'),
  ip6: one('its IPv6 address on its network'),
  'mac-address': one('its hardware address on its network'),
  'allow-host-loopback': Flags.boolean({
    description: 'let it reach what listens on the loopback of this host, as host.docker.internal',
  }),
  publish: several('lead a port of the host to one of the container: [ADDRESS:][HOST_PORT:]PORT[/udp]', 'p'),
  'publish-all': Flags.boolean({
    char: 'P',
    description: 'publish all ports that the image or --expose names, at any free ones',
  }),
  expose: several('a port that the container serves: PORT[/udp]; -P publishes it'),
  'port-fallback': Flags.boolean({
    description: 'take a higher port for one below 1024 that is not yours to take: 8080 for 80',
  }),
  ...RATE_FLAGS,
  pid: one('pid namespace: private or host'),
  uts: one('uts namespace: private or host'),
  ipc: one('ipc namespace: private or host'),
  cgroupns: one('cgroup namespace: private or host'),
  'clock-offset': one('let the monotonic and boot clocks run ahead: 3600, 1h30m, -2d'),
  umask: one('umask of the command, octal'),
  label: several('KEY=VALUE to keep with the container', 'l'),
  'label-file': several('read labels from a file, one a line'),
  annotation: several('KEY=VALUE for the annotations of its OCI spec'),
  tz: one('time zone, such as Europe/Berlin; local for that of this host'),
  pidfile: one('write the pid that its command has on this host to a file, at each start'),
  restart: one('start again when it has ended: no (default), on-failure[:N], always or unless-stopped'),
  'stop-signal': one("signal that asks it to end; the image's, or TERM"),
  'stop-timeout': one('seconds until it is killed after that (default 10, -1 for never)'),
  'health-cmd': one('command that tells by its exit code whether the container is healthy; none for none'),
  'health-interval': one('time between two such probes (default 30s)'),
  'health-timeout': one('a probe that takes longer has failed (default 30s)'),
  'health-retries': one('failures in a row that make it unhealthy (default 3)'),
  'health-start-period': one('time to start in, during which failures do not count'),
  'health-start-interval': one('time between two probes during the start period (default 5s)'),
  'no-healthcheck': Flags.boolean({ description: "do without the image's health check" }),
  timeout: one('seconds that it may run; then it is killed'),
  'log-driver': one('file (default) or none'),
  'log-opt': several('max-size=10m, max-file=3; labels=KEY,…, env=NAME,… and their -regex for logs --details'),
  ...LIMIT_FLAGS,
  ...REFUSED_FLAGS,
  'cgroup-parent': one('slice of systemd in which its cgroup is made (default hutch.slice)'),
  'cgroup-driver': one('systemd, cgroupfs or none; the first that works here'),
  systemd: one(
    'true or always: its command is a systemd, which gets cgroups of its own to write to; auto (default): by its name; false',
  ),
  'oom-score-adj': one(
    'how soon the kernel ends it when memory is short: up to 1000, and not below your own (usually 0)',
  ),
  device: several('bind a device node of the host: /dev/fuse, or /dev/x:/dev/y[:r|rw]'),
  cgroups: one('enabled (default), or disabled: no cgroup of its own'),
  'storage-driver': one('overlay, fuse-overlayfs or vfs'),
  pull: one('fetch the image: missing (default), always, never or newer'),
  ...PLATFORM_FLAGS,
  ...REGISTRY_FLAGS,
  'disable-content-trust': CONTENT_TRUST,
  'squash-ids': SQUASH_IDS,
  quiet: Flags.boolean({ char: 'q', description: 'show nothing of a pull' }),
};

interface Parsed {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly image: string;
  readonly command: readonly string[] | undefined;
  readonly remove: boolean;
}

/** The request that parsed flags stand for. USAGE_INVALID when -t has no terminal to connect. */
export function requestFrom({ flags, image, command, remove }: Parsed): RunRequest {
  const text = (name: string): string | undefined => flags[name] as string | undefined;
  const list = (name: string): readonly string[] => (flags[name] as readonly string[] | undefined) ?? [];
  const on = (name: string): boolean => flags[name] === true;
  return {
    image,
    command: command ?? [],
    name: text('name'),
    remove,
    interactive: on('interactive'),
    terminal: on('tty'),
    env: list('env'),
    envFiles: list('env-file'),
    workingDirectory: text('workdir'),
    user: text('user'),
    groupAdd: list('group-add'),
    entrypoint: text('entrypoint'),
    hostname: text('hostname'),
    readOnly: on('read-only'),
    tmpfs: list('tmpfs'),
    volumes: list('volume'),
    mounts: list('mount'),
    annotations: list('annotation'),
    timeZone: text('tz'),
    domainname: text('domainname'),
    oomScoreAdj: text('oom-score-adj'),
    replace: on('replace'),
    pidFile: text('pidfile'),
    capAdd: list('cap-add'),
    capDrop: list('cap-drop'),
    securityOptions: list('security-opt'),
    privileged: on('privileged'),
    init: on('init'),
    ulimits: list('ulimit'),
    sysctls: list('sysctl'),
    shmSize: text('shm-size'),
    addHosts: list('add-host'),
    noHosts: on('no-hosts'),
    dns: list('dns'),
    dnsSearch: list('dns-search'),
    dnsOptions: list('dns-option'),
    network: list('network').filter(isSaid).at(-1),
    networks: list('network').filter(isSaid),
    networkAliases: list('network-alias'),
    ip: text('ip'),
    ip6: text('ip6'),
    macAddress: text('mac-address'),
    allowHostLoopback: on('allow-host-loopback'),
    publish: list('publish'),
    publishAll: on('publish-all'),
    expose: list('expose'),
    portFallback: on('port-fallback'),
    ...rateFrom(flags),
    pid: text('pid'),
    uts: text('uts'),
    ipc: text('ipc'),
    cgroupns: text('cgroupns'),
    clockOffset: text('clock-offset'),
    umask: text('umask'),
    labels: list('label'),
    labelFiles: list('label-file'),
    restart: text('restart'),
    stopSignal: text('stop-signal'),
    stopTimeout: text('stop-timeout'),
    healthCommand: text('health-cmd'),
    healthInterval: text('health-interval'),
    healthTimeout: text('health-timeout'),
    healthRetries: text('health-retries'),
    healthStartPeriod: text('health-start-period'),
    healthStartInterval: text('health-start-interval'),
    noHealthCheck: on('no-healthcheck'),
    timeout: text('timeout'),
    logDriver: text('log-driver'),
    logOptions: list('log-opt'),
    limits: limitsFrom(flags),
    cgroupDriver: text('cgroup-driver'),
    cgroupParent: text('cgroup-parent'),
    cgroups: text('cgroups'),
    systemd: text('systemd'),
    devices: list('device'),
    storageDriver: text('storage-driver'),
    pull: text('pull'),
    platform: platformFrom(flags),
    tlsVerify: on('tls-verify'),
    authFile: text('authfile'),
    certDirectory: text('cert-dir'),
    squashIds: on('squash-ids'),
  };
}

/** How a pull is shown and stopped, if there is one; loaded only then. */
export function pullWatcher({ quiet }: { readonly quiet: boolean }): WatchPull {
  return async (work) => {
    const { watchPull } = await import('./watch-transfer.ts');
    return watchPull({ isQuiet: quiet }, work);
  };
}

/** USAGE_INVALID for -t together with -i when stdin is no terminal: keys could not reach the container. */
export function requireTerminal(request: Pick<RunRequest, 'terminal' | 'interactive'>): void {
  if (!request.terminal || !request.interactive || process.stdin.isTTY) return;
  throw new HutchError('-t with -i needs a terminal, but stdin is none', {
    code: 'USAGE_INVALID',
    hint: 'leave out -t when input comes from a pipe or file',
  });
}

/** Docker's word, and podman's, for what is without the flag. */
function isSaid(network: string): boolean {
  return network !== 'default' && network !== 'private';
}
