/** The files that hutch keeps for each container in /etc; reads the host's, writes nothing. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { NetworkDriver } from '../../drivers/network/driver.ts';
import { HOST_GATEWAY, HOST_NAMES, hostGateway, refuseHostGateway } from './host-gateway.ts';
import { composeResolver, readHostResolver, type ResolverSettings } from '../../host/resolver.ts';
import { badValue } from './parse-values.ts';
import type { RunRequest } from './run-request.ts';

export interface EtcFiles {
  /** Place in the container to place on the host. */
  readonly paths: Readonly<Record<string, string>>;
  readonly files: readonly { readonly path: string; readonly content: string }[];
}

/** /etc/hosts, /etc/hostname and /etc/resolv.conf of a container, to be kept in its directory. */
export function etcFiles(
  directory: string,
  request: RunRequest,
  names: { hostname: string; name: string },
  network: NetworkDriver,
): EtcFiles {
  const contents: Readonly<Record<string, string>> = {
    hosts: hostsFile(request, names, network),
    hostname: `${names.hostname}\n`,
    'resolv.conf': composeResolver(readHostResolver(), resolverOf(request, network)),
  };
  const entries = Object.entries(contents);
  return {
    paths: Object.fromEntries(entries.map(([file]) => [`/etc/${file}`, join(directory, file)])),
    files: entries.map(([file, content]) => ({ path: join(directory, file), content })),
  };
}

function hostsFile(
  request: RunRequest,
  { hostname, name }: { hostname: string; name: string },
  network: NetworkDriver,
): string {
  // On user networks it has its address when it starts, and the name server there knows it.
  const own =
    network.isPrivate && network.name !== 'bridge'
      ? `${network.address ?? '127.0.1.1'}\t${[...new Set([hostname, name])].join(' ')}\n`
      : '';
  const base = network.isPrivate
    ? '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n'
    : readHost('/etc/hosts');
  const gateway = hostGateway(request, network);
  const host = request.allowHostLoopback === true ? `${gateway ?? ''}\t${HOST_NAMES.join(' ')}\n` : '';
  return base + own + host + request.addHosts.map((text) => addedHost(text, gateway)).join('');
}

/** A name that a resolver could look up. Source: hosts(5), RFC 1123 section 2.1; the underscore is what people use all the same. */
function isDomain(name: string): boolean {
  return name.length <= 253 && /^(?:\w(?:[\w-]{0,61}\w)?)(?:\.\w(?:[\w-]{0,61}\w)?)*\.?$/u.test(name);
}

/** `gateway`: what leads to the host, null where that is not allowed. */
function addedHost(text: string, gateway: string | null): string {
  const colon = text.indexOf(':');
  const [name, written] = [text.slice(0, colon), text.slice(colon + 1).replace(/^\[(.*)\]$/u, '$1')];
  if (written === HOST_GATEWAY && gateway === null) throw refuseHostGateway(text);
  const address = written === HOST_GATEWAY ? (gateway ?? '') : written;
  if (colon <= 0 || isIP(address) === 0 || !isDomain(name))
    throw badValue('--add-host', text, 'NAME:ADDRESS, such as db:192.0.2.7');
  return `${address}\t${name}\n`;
}

/** What is not asked for comes from the network or from the host. USAGE_INVALID for a value that resolv.conf(5) would not take. */
export function resolverOf(
  request: RunRequest,
  network: Pick<NetworkDriver, 'name' | 'nameServers'>,
): ResolverSettings {
  const { dns, dnsSearch, dnsOptions = [] } = request;
  const wrong = dns.find((address) => isIP(address) === 0);
  if (wrong !== undefined) throw badValue('--dns', wrong, 'an IP address');
  const domain = dnsSearch.find((name) => name !== '.' && !isDomain(name));
  if (domain !== undefined) throw badValue('--dns-search', domain, 'a domain such as example.org');
  const option = dnsOptions.find((text) => !/^[a-z][a-z0-9-]*(?::\d{1,3})?$/u.test(text));
  if (option !== undefined) throw badValue('--dns-option', option, 'an option of resolv.conf(5), such as ndots:2');
  const isBridge = network.name === 'bridge';
  return {
    servers: dns.length > 0 && !isBridge ? dns : network.nameServers,
    search: dnsSearch.length > 0 ? dnsSearch : null,
    options: dnsOptions.length > 0 ? dnsOptions : null,
    // Names of containers have no dots: they are asked for as they are before any search domain is tried.
    ...(isBridge ? { dots: 0 } : {}),
  };
}

function readHost(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
