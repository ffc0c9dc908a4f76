/** What a container is told when it asks for a name: from the table of its networks, or by others; pure. */
import { isIPv6 } from 'node:net';
import { isWithin, parseAddress, parseSubnet } from '../linux/ipv4.ts';
import { addressText6 } from '../linux/ipv6.ts';
import { SUBNET_POOL, type ResolverTable } from '../protocol/hub.ts';
import { RCODE, TYPE, writeAddress, writeName, type DnsRecord, type Question } from './dns-message.ts';

export type Answer =
  | { readonly kind: 'answered'; readonly rcode: number; readonly records: readonly DnsRecord[] }
  /** To be asked of others: those that the container names, or the host's where it names none. */
  | { readonly kind: 'forward'; readonly nameServers: readonly string[] };

export interface Asking {
  readonly question: Question;
  /** The address that the question came from. */
  readonly asker: string;
  /** Counts up: of several addresses another one comes first each time. */
  readonly turn: number;
}

type Client = ResolverTable['clients'][number];

const REFUSED: Answer = { kind: 'answered', rcode: RCODE.refused, records: [] };
const NO_SUCH_NAME: Answer = { kind: 'answered', rcode: RCODE.noSuchName, records: [] };
/** There is such a name, with nothing of that type: an asker for IPv6 must go on to IPv4 instead of giving up. */
const NOTHING: Answer = { kind: 'answered', rcode: RCODE.ok, records: [] };
/** Its addresses mean nothing to other servers. */
const POOL = parseSubnet(SUBNET_POOL);

/** Answers names and addresses of the asker's own networks, refuses strangers, and says of all else who is to be asked. */
export function answerQuestion(table: ResolverTable, { question, asker, turn }: Asking): Answer {
  const client = table.clients.find(({ address }) => address === asker);
  if (client === undefined || !question.isInternet) return REFUSED;
  const address = addressInName(question.name);
  if (address !== null) return answerAddress(table, { client, question, address });
  const addresses = addressesOf(table, client, question.name);
  if (addresses === undefined) return elsewhere(table, client);
  // Of both kinds together: who asks for the one and then for the other is to get all of either in turn.
  const records = rotate(addresses, turn).map(addressRecord);
  const fitting = records.filter(({ type }) => type === question.type || question.type === TYPE.ANY);
  return { kind: 'answered', rcode: RCODE.ok, records: fitting };
}

function addressRecord(address: string): DnsRecord {
  return { type: isIPv6(address) ? TYPE.AAAA : TYPE.A, data: writeAddress(address) };
}

/** Of the first of its networks that has the name. */
function addressesOf(table: ResolverTable, { networks }: Client, name: string): readonly string[] | undefined {
  for (const network of networks) {
    const found = table.names.filter((entry) => entry.network === network && entry.name === name);
    if (found.length > 0) return [...new Set(found.flatMap(({ addresses }) => addresses))];
  }
  return undefined;
}

interface Reverse {
  readonly client: Client;
  readonly question: Question;
  readonly address: string;
}

/** The name that the hub lists first for an address. One that is on a network of others does not exist for the asker. */
function answerAddress(table: ResolverTable, { client, question, address }: Reverse): Answer {
  const known = table.names.filter(({ addresses }) => addresses.includes(address));
  const visible = known.find(({ network }) => client.networks.includes(network));
  if (visible === undefined) return known.length > 0 || isOfPool(address) ? NO_SUCH_NAME : elsewhere(table, client);
  if (question.type !== TYPE.PTR && question.type !== TYPE.ANY) return NOTHING;
  return { kind: 'answered', rcode: RCODE.ok, records: [{ type: TYPE.PTR, data: writeName(visible.name) }] };
}

function isOfPool(text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined && POOL !== undefined && isWithin(address, POOL);
}

/** A container that has no way out must not have one through its name server. */
function elsewhere({ listen }: ResolverTable, { networks, nameServers }: Client): Answer {
  const hasWayOut = listen.some(({ network, forwards }) => forwards && networks.includes(network));
  return hasWayOut ? { kind: 'forward', nameServers } : NO_SUCH_NAME;
}

/** `10.89.0.2` of `2.0.89.10.in-addr.arpa`, or the IPv6 address of 32 digits before `ip6.arpa` (RFC 3596 §2.5); null for any other name. */
function addressInName(name: string): string | null {
  const digits = /^((?:[\da-f]\.){32})ip6\.arpa$/u.exec(name)?.[1];
  if (digits !== undefined) return addressText6(BigInt(`0x${digits.split('.').toReversed().join('')}`));
  const octets = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/u.exec(name);
  return octets === null ? null : octets.slice(1).toReversed().join('.');
}

function rotate<T>(values: readonly T[], turn: number): T[] {
  const start = turn % Math.max(values.length, 1);
  return [...values.slice(start), ...values.slice(0, start)];
}
