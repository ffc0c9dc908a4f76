/** Network driver `slirp4netns`: TCP, UDP and DNS to the outside through a user-space stack; its helper runs on the host's side. */
import { requireTool } from '../../host/run-tool.ts';
import { HELPER_API, HELPER_EXIT_FD, HELPER_READY_FD, type NetworkDriver } from './driver.ts';
import { refusalOf, requireTun } from './slirp-limits.ts';

/**
 * The MTU that makes user-space networking fast (65520); the helper fences itself in by a mount namespace and seccomp. Source: slirp4netns(1).
 */
const FLAGS = ['--configure', '--mtu=65520', '--enable-sandbox', '--enable-seccomp'];

const DEVICE = 'tap0';

export const slirp4netnsDriver: NetworkDriver = {
  name: 'slirp4netns',
  isPrivate: true,
  helper: ({ ports, hostLoopback }) => [
    'slirp4netns',
    ...(hostLoopback ? [] : ['--disable-host-loopback']),
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
