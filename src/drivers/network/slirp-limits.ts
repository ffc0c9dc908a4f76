/** What slirp4netns can and cannot do, for the drivers that use it; on the host's side. */
import { accessSync, constants } from 'node:fs';
import { isIPv6 } from 'node:net';
import { HutchError } from '../../errors/hutch-error.ts';
import type { DriverPort } from './driver.ts';

/** The word that has it lead IPv6 to the outside. Source: slirp4netns(1). */
export const ENABLE_IPV6 = '--enable-ipv6';

/** DRIVER_UNAVAILABLE where it cannot make a device. */
export function requireTun(): void {
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

/** True for a port that somebody else must listen at: its control socket takes IPv4 addresses only. Source: slirp4netns(1). */
export function isRelayed({ hostAddress }: Pick<DriverPort, 'hostAddress'>): boolean {
  return isIPv6(hostAddress);
}

/**
 * At IPv6 addresses hutch listens itself, for TCP. And what the container answers a client on the host's loopback goes to the gateway, which is that
 * loopback: with it closed, UDP answers get lost; those of TCP belong to a connection. Measured, docs/adr/0017.
 */
export function refusalOf({ protocol, hostAddress }: Pick<DriverPort, 'protocol' | 'hostAddress'>): string | undefined {
  if (protocol === 'tcp') return undefined;
  if (isRelayed({ hostAddress })) return 'it listens for UDP at IPv4 addresses only';
  if (hostAddress.startsWith('127.')) return 'answers by UDP do not get back to the loopback of the host';
  return undefined;
}
