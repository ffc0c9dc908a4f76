/** Network driver `slirp4netns`: TCP, UDP and DNS to the outside, by IPv4 and IPv6, through a user-space stack; its helper runs on the host's side. */
import { readFileSync } from 'node:fs';
import { requireTool } from '../../host/run-tool.ts';
import { HELPER_API, HELPER_EXIT_FD, HELPER_READY_FD, type HelperWords, type NetworkDriver } from './driver.ts';
import { ENABLE_IPV6, refusalOf, requireTun } from './slirp-limits.ts';

/**
 * The MTU that makes user-space networking fast (65520); the helper fences itself in by a mount namespace and seccomp. Source: slirp4netns(1).
 */
const FLAGS = ['--configure', '--mtu=65520', '--enable-sandbox', '--enable-seccomp'];

/**
 * The helper fences itself in by making `/` alone private and detaching what lies on it. Run by root, in the user namespace that the mounts of the
 * host belong to, that reached the host by propagation: /sys/fs/cgroup, /dev/pts and the like were gone. An ordinary user's mounts are slaves.
 */
const PROGRAM: HelperWords =
  process.getuid?.() === 0 ? ['unshare', '--mount', '--propagation', 'private', '--', 'slirp4netns'] : ['slirp4netns'];

const DEVICE = 'tap0';

export const slirp4netnsDriver: NetworkDriver = {
  name: 'slirp4netns',
  isPrivate: true,
  helper: ({ ports, hostLoopback }) => [
    ...PROGRAM,
    ...(hostLoopback ? [] : ['--disable-host-loopback']),
    ...(isIPv6Routed(readRoutes()) ? [ENABLE_IPV6] : []),
    ...FLAGS,
    `--ready-fd=${String(HELPER_READY_FD)}`,
    `--exit-fd=${String(HELPER_EXIT_FD)}`,
    ...(ports.length === 0 ? [] : [`--api-socket=${HELPER_API}`]),
    '%pid',
    DEVICE,
  ],
  isAskedForPorts: true,
  refusal: (port) => Promise.resolve(refusalOf(port)),
  nameServers: ['10.0.2.3'],
  device: DEVICE,
  address: '10.0.2.100',
  hostGateway: () => '10.0.2.2',
  check: () => {
    requireTool('slirp4netns', 'connect the container to the network (--net none and --net host do without)');
    requireTun();
  },
};

/** RTF_REJECT in linux/ipv6_route.h and linux/route.h. */
const REJECTS = 0x200;

/**
 * Pure: whether /proc/net/ipv6_route leads to the outside. Only then the container gets IPv6: an address by router advertisement, two seconds or so
 * after its start, and a way out for TCP and UDP; measured, docs/adr/0017.
 */
export function isIPv6Routed(routes: string): boolean {
  return routes.split('\n').some((line) => {
    const [destination, length, , , , , , , flags = '', device] = line.trim().split(/\s+/u);
    const isDefault = /^0+$/u.test(destination ?? '') && length === '00';
    return isDefault && device !== 'lo' && (Number.parseInt(flags, 16) & REJECTS) === 0;
  });
}

/** Nothing on a host without IPv6. */
function readRoutes(): string {
  try {
    return readFileSync('/proc/net/ipv6_route', 'latin1');
  } catch {
    return '';
  }
}
