/** `-p`, `-P` and `--expose`: which ports of the container shall be reached, and through which of the host; pure. */
import { isIP } from 'node:net';
import type { PublishedPort } from '../../oci/published-port.ts';
import type { RunRequest } from './run-request.ts';
import { badValue } from './parse-values.ts';

/** A port of a container and the host's that may lead to it, of which the first that is free is taken; none named: any. */
export interface WantedPort extends Pick<PublishedPort, 'protocol' | 'hostAddress' | 'containerPort'> {
  readonly hostPorts: readonly number[];
  /** Nobody has named an address for it. */
  readonly isAnywhere?: true;
  /** Nobody has named the port: it is one of those that -P takes. */
  readonly isOffered?: true;
}

type Asked = Pick<RunRequest, 'publish' | 'publishAll' | 'expose'>;

const ANYWHERE = { isAnywhere: true } as const;
const OFFERED = { ...ANYWHERE, isOffered: true } as const;
const FORM =
  'PORT, HOST_PORT:PORT or ADDRESS:HOST_PORT:PORT, each port one number or a range, with /tcp or /udp at the end: 8080:80, 127.0.0.1::80, 5300:53/udp, 8000-8009:80-89';
const MOST_PORT = 65_535;

/**
 * The ports that are asked for, in the order of the command line. `exposed` are those of the image, such as `80/tcp`: -P takes them;
 * `address` is where the host listens when the user names none. USAGE_INVALID names the word at fault.
 */
export function parsePorts(
  { publish, publishAll, expose }: Asked,
  { exposed, address }: { readonly exposed: readonly string[]; readonly address: string },
): WantedPort[] {
  const named = publish.flatMap((word) => parsePublish(word, address));
  const offered = [...exposed, ...expose].flatMap((word) => parseExpose(word));
  const rest = publishAll ? offered.filter((port) => !named.some((other) => isSameInside(port, other))) : [];
  refuseTwice(named);
  const unique = new Map(rest.map((port) => [`${String(port.containerPort)}/${port.protocol}`, port]));
  return [
    ...named,
    ...[...unique.values()].map((port) => ({ ...port, hostAddress: address, hostPorts: [], ...OFFERED })),
  ];
}

/** The ports of `--expose 80`, `--expose 53/udp`, `--expose 8000-8005`. USAGE_INVALID. */
export function parseExpose(word: string): Pick<WantedPort, 'protocol' | 'containerPort'>[] {
  const [, ports = '', protocol = 'tcp'] = /^([\d-]+)(?:\/(tcp|udp))?$/u.exec(word) ?? [];
  const range = parseRange(ports);
  if (range === undefined) throw badValue('--expose', word, 'a port or a range of ports: 80, 53/udp, 8000-8009');
  return range.map((containerPort) => ({ protocol: protocol as 'tcp' | 'udp', containerPort }));
}

function parsePublish(word: string, defaultAddress: string): WantedPort[] {
  const match = /^(?:(?:(\[[^\]]+\]|[^:[\]]*):)?([\d-]*):)?([\d-]+)(?:\/([a-z]+))?$/u.exec(word);
  if (match === null) throw badValue('-p', word, FORM);
  const [, address, host = '', container = '', protocol = 'tcp'] = match;
  if (protocol !== 'tcp' && protocol !== 'udp') throw badValue('-p', word, 'tcp or udp as its protocol');
  const inside = parseRange(container);
  const outside = host === '' ? [] : parseRange(host);
  if (inside === undefined || outside === undefined) throw badValue('-p', word, `${FORM}; ports go from 1 to 65535`);
  const hostAddress = parseAddress(word, address);
  if (inside.length > 1 && outside.length > 0 && outside.length !== inside.length)
    throw badValue('-p', word, 'two ranges of the same length');
  return inside.map((containerPort, index) => ({
    protocol,
    ...(hostAddress === undefined ? { hostAddress: defaultAddress, ...ANYWHERE } : { hostAddress }),
    containerPort,
    hostPorts: inside.length === 1 ? outside : outside.slice(index, index + 1),
  }));
}

/** None named is the default, as with docker. */
function parseAddress(word: string, text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  const address = text.replace(/^\[(.*)\]$/u, '$1');
  if (isIP(address) === 0 || (text.startsWith('[') && isIP(address) !== 6))
    throw badValue('-p', word, `an address such as 127.0.0.1, 0.0.0.0 or [::1] in front ("${text}" is none)`);
  return address;
}

function parseRange(text: string): number[] | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/u.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  if (first < 1 || last > MOST_PORT || last < first) return undefined;
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function refuseTwice(ports: readonly WantedPort[]): void {
  const seen = new Set<string>();
  for (const { protocol, hostAddress, hostPorts } of ports) {
    if (hostPorts.length !== 1) continue;
    const key = `${hostAddress}:${String(hostPorts[0])}/${protocol}`;
    if (seen.has(key)) throw badValue('-p', key, 'each port of the host once');
    seen.add(key);
  }
}

function isSameInside(a: Pick<WantedPort, 'protocol' | 'containerPort'>, b: typeof a): boolean {
  return a.protocol === b.protocol && a.containerPort === b.containerPort;
}
