/** Whether the kernel of this host speaks IPv6; reads the host. */
import { HutchError } from '../errors/hutch-error.ts';
import { readText } from './probe/read-text.ts';

const CONF = '/proc/sys/net/ipv6/conf';

/** HOST_FEATURE_MISSING where IPv6 is off: `what` cannot be had then. Source: Documentation/networking/ipv6.rst, ip-sysctl.rst of the kernel. */
export function requireIPv6(what: string, read: (path: string) => string | null = readText): void {
  const settings = ['all', 'default'].map((name) => `${CONF}/${name}/disable_ipv6`);
  const values = settings.map((path) => read(path));
  if (values.every((value) => value === '0')) return;
  const isMissing = values.includes(null);
  throw new HutchError(
    `${what} needs IPv6, which is off on this host: ${isMissing ? `the kernel has no ${CONF}` : `${settings[values.indexOf('1')] ?? CONF} is 1`}`,
    {
      code: 'HOST_FEATURE_MISSING',
      hint: isMissing
        ? 'use a network without IPv6, or ask an admin to start the kernel without ipv6.disable=1 (or with its module ipv6)'
        : 'use a network without IPv6, or ask an admin: sysctl net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0',
    },
  );
}
