/**
 * PROGRAM resolver: answers the names of containers on a user's networks. Runs as root of a user and a network namespace of its own, which holds the
 * bridges and lasts as long as this process; the hub, which started it, tells it all that it knows.
 */
import { createReadStream, writeFileSync, writeSync } from 'node:fs';
import { createLineParser, type ResolverMessage, type ResolverTable } from '../protocol/hub.ts';
import { openSyscalls } from '../syscall/syscalls.ts';
import { DnsServer } from './dns-server.ts';

const LISTENS_FD = 3;
const SAYS_FD = 4;
/**
 * Of this network namespace: it passes packets on; what it has of IPv6 the hub alone decides: no address is made up, none asked about, and
 * no router heard, on devices to come. Source: Documentation/networking/ip-sysctl.rst.
 */
const SETTINGS = [
  ['ipv4/ip_forward', '1'],
  ['ipv6/conf/all/forwarding', '1'],
  ['ipv6/conf/default/accept_ra', '0'],
  ['ipv6/conf/default/accept_dad', '0'],
  ['ipv6/conf/default/addr_gen_mode', '1'],
] as const;

function main(): void {
  const syscalls = openSyscalls();
  syscalls.linkUp('lo');
  for (const [setting, value] of SETTINGS) set(setting, value);
  const server = new DnsServer();
  let turn = Promise.resolve();
  const hear = createLineParser((table) => {
    turn = turn
      .then(() => server.update(table as ResolverTable))
      .catch(reportFailure)
      .then(() => {
        say({ event: 'resolver_took' });
      });
  });
  createReadStream('', { fd: LISTENS_FD, encoding: 'utf8' })
    .on('data', (text) => {
      hear(text as string);
    })
    // The hub is gone.
    .once('close', () => process.exit(0));
  say({ event: 'resolver_ready', netlink: syscalls.routeSocket() });
}

/** Where the kernel has no IPv6, those of IPv6 are not there; networks that need it are refused by the hub. */
function set(setting: string, value: string): void {
  try {
    writeFileSync(`/proc/sys/net/${setting}`, value);
  } catch (error) {
    if (!setting.startsWith('ipv6/')) throw error;
  }
}

function say(message: ResolverMessage): void {
  writeSync(SAYS_FD, `${JSON.stringify(message)}\n`);
}

function reportFailure(error: unknown): void {
  writeSync(2, `hutch resolver: ${error instanceof Error ? error.message : String(error)}\n`);
}

main();
