/** Network driver `slirp4netns`: TCP, UDP and DNS to the outside through a user-space stack; its helper runs on the host's side. */
import { accessSync, constants } from 'node:fs';
import { HutchError } from '../../errors/hutch-error.ts';
import { requireTool } from '../../host/run-tool.ts';
import { HELPER_EXIT_FD, HELPER_READY_FD, type NetworkDriver } from './driver.ts';

/**
 * The MTU that makes user-space networking fast (65520); nothing on the host's loopback can be reached; the helper fences
 * itself in by a mount namespace and seccomp. Source: slirp4netns(1).
 */
const FLAGS = ['--configure', '--mtu=65520', '--disable-host-loopback', '--enable-sandbox', '--enable-seccomp'];

const DEVICE = 'tap0';

export const slirp4netnsDriver: NetworkDriver = {
  name: 'slirp4netns',
  isPrivate: true,
  helper: [
    'slirp4netns',
    ...FLAGS,
    `--ready-fd=${String(HELPER_READY_FD)}`,
    `--exit-fd=${String(HELPER_EXIT_FD)}`,
    '%pid',
    DEVICE,
  ],
  nameServers: ['10.0.2.3'],
  device: DEVICE,
  address: '10.0.2.100',
  check: () => {
    requireTool('slirp4netns', 'connect the container to the network (--net none and --net host do without)');
    requireTun();
  },
};

function requireTun(): void {
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
  } catch (cause) {
    throw new HutchError('/dev/net/tun cannot be opened, so slirp4netns cannot make a network device', {
      code: 'DRIVER_UNAVAILABLE',
      hint: 'use --net none or --net host, or ask an admin: modprobe tun; chmod 666 /dev/net/tun',
      cause,
    });
  }
}
