/** Network driver `pasta`: the container has the addresses and routes of the host, and TCP, UDP and ping pass by sockets of the host. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { findTool, requireTool } from '../../host/run-tool.ts';
import {
  HELPER_EXIT_FD,
  HELPER_READY_FD,
  type DriverPort,
  type HelperWishes,
  type HelperWords,
  type NetworkDriver,
} from './driver.ts';

/** Where the container asks for names: pasta hands such questions to the resolver of the host, and nothing else has that address. */
const NAME_SERVER = '10.0.2.3';
const DEVICE = 'eth0';
const NETNS_FD = 7;

/**
 * No port of the container leads to the host's loopback, and none of the host's to the container but
 * those that are named. Source: passt(1).
 */
const FLAGS = [
  ...['--config-net', '--quiet', '-T', 'none', '-U', 'none'],
  // It tells its pid on its stdout when it is ready.
  ...['--foreground', '--pid', '/proc/self/fd/1'],
  ...['--ns-ifname', DEVICE, '--dns-forward', NAME_SERVER],
  ...['--netns-only', '--netns', `/proc/self/fd/${String(NETNS_FD)}`],
];

/**
 * pasta has no descriptor whose end would end it. So it runs in a pid namespace below a shell, beside another that reads one: when that ends, or
 * pasta, or the shell, the kernel takes the rest along. That needs the container's user namespace; as pasta gives up CAP_SYS_PTRACE, the shell opens the
 * network for it.
 */
const SCRIPT = `exec ${String(NETNS_FD)}<"$1"; shift
{ "$@" </dev/null; echo "end $?"; } ${String(HELPER_READY_FD)}>&- ${String(HELPER_EXIT_FD)}<&- | {
exec ${String(NETNS_FD)}<&-
read -r pasta code; [ "$pasta" != end ] || exit "$code"
printf 1 >&${String(HELPER_READY_FD)}; exec ${String(HELPER_READY_FD)}>&-
{ read -r _ <&${String(HELPER_EXIT_FD)}; kill -KILL "$pasta"; } &
exec ${String(HELPER_EXIT_FD)}<&-
read -r _ code; exit "\${code:-1}"
}`;

export const pastaDriver: NetworkDriver = {
  name: 'pasta',
  isPrivate: true,
  helper: pastaWords,
  isAskedForPorts: false,
  refusal,
  nameServers: [NAME_SERVER],
  device: DEVICE,
  address: null,
  hostGateway: defaultGateway,
  check: () => {
    requireTool('pasta', 'connect the container to the network (--net slirp4netns, none and host do without)');
  },
};

/**
 * Those of before 2024, such as the one of Debian 12, which does not know its own version, end by SIGSEGV when somebody connects from outside: then
 * the container would have no network any more. And UDP answers do not get back from the container. Measured, docs/adr/0017.
 */
async function refusal({
  protocol,
  hostAddress,
}: Pick<DriverPort, 'protocol' | 'hostAddress'>): Promise<string | undefined> {
  const isLocal = hostAddress.startsWith('127.') || hostAddress === '::1';
  if (isLocal && protocol === 'tcp') return undefined;
  if ((await versionYear(findTool('pasta') ?? '')) >= 2024) return undefined;
  return `this version of it, older than 2024, ${protocol === 'udp' ? 'loses UDP answers' : 'crashes when somebody connects from outside'}`;
}

/** From the program itself, such as `2024_09_06.6b38f07` or `0.0~git20250503`: `--version` says nothing where its output is a pipe. 0: unknown. */
async function versionYear(path: string): Promise<number> {
  const program = await readFile(path, 'latin1').catch(() => '');
  return Number(/\b(?:0\.0~git)?(20\d\d)_?[01]\d_?[0-3]\d\.[\da-f]{7}/u.exec(program)?.[1] ?? '0');
}

/** `--no-map-gw`: the gateway's address does not lead to the host. */
function pastaWords({ ports, hostLoopback }: HelperWishes): HelperWords {
  return [
    'nsenter',
    // Host root becomes root of the namespace, anybody else is that already.
    ...(process.getuid?.() === 0 ? [] : ['--preserve-credentials']),
    ...['-t', '%pid', '--user', '--', 'unshare', '--pid', '--fork', '--kill-child=KILL', '--'],
    ...['sh', '-c', SCRIPT, 'pasta', '/proc/%pid/ns/net', 'pasta', ...FLAGS],
    ...(hostLoopback ? [] : ['--no-map-gw']),
    ...portFlags('-t', ports, 'tcp'),
    ...portFlags('-u', ports, 'udp'),
  ];
}

/** The IPv4 gateway of the host, which pasta gives the container, too; null without one. Source: /proc/net/route, little endian. */
function defaultGateway(): string | null {
  const rows = readFileSync('/proc/net/route', 'latin1')
    .split('\n')
    .map((line) => line.split('\t'));
  const gateway = rows.find(([, destination, address]) => destination === '00000000' && address !== '00000000')?.[2];
  return gateway === undefined
    ? null
    : (gateway.match(/../gu) ?? [])
        .toReversed()
        .map((byte) => parseInt(byte, 16))
        .join('.');
}

function portFlags(flag: string, ports: readonly DriverPort[], protocol: DriverPort['protocol']): string[] {
  const words = ports
    .filter((port) => port.protocol === protocol)
    .map(({ hostAddress, hostPort, containerPort }) => `${hostAddress}/${String(hostPort)}:${String(containerPort)}`);
  return (words.length === 0 ? ['none'] : words).flatMap((word) => [flag, word]);
}
