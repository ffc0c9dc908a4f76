/** `--network`, `--network-alias`, `--ip`, `--ip6` and `--mac-address`: which networks a container is to be on; pure. */
import { HutchError } from '../../errors/hutch-error.ts';
import { NETWORK_DRIVERS } from '../../drivers/network/driver.ts';
import { parseAddress } from '../../linux/ipv4.ts';
import { addressText6, parseAddress6 } from '../../linux/ipv6.ts';
import type { NetworkAttachment } from '../../state/network-record.ts';
import type { Settings } from '../../state/settings.ts';
import { badValue } from '../container/parse-values.ts';
import type { RunRequest } from '../container/run-request.ts';

type Asked = Pick<RunRequest, 'network' | 'networks' | 'networkAliases' | 'ip' | 'ip6' | 'macAddress'>;

/** What `--net bridge` means: made when somebody first asks for it. */
export const DEFAULT_NETWORK = 'hutch';

/** Names in the domain name system; the underscore is what people use all the same. Source: RFC 1123 §2.1. */
const ALIAS = /^\w(?:[\w-]{0,61}\w)?(?:\.\w(?:[\w-]{0,61}\w)?)*$/u;
const MAC = /^[\da-f]{2}(?::[\da-f]{2}){5}$/iu;
const FORM = 'NAME, or NAME:alias=ALIAS,ip=ADDRESS,ip6=ADDRESS,mac=ADDRESS';

/**
 * The networks that are asked for, in order; `bridge` means DEFAULT_NETWORK. Undefined where another kind of network is, for which aliases and addresses
 * are refused. USAGE_INVALID for values that are none and for what does not go together.
 */
export function parseNetworks(asked: Asked, { network }: Settings): NetworkAttachment[] | undefined {
  const given = asked.networks?.length ? asked.networks : asked.network === undefined ? [] : [asked.network];
  // What is no kind of network in the settings is refused by who chooses the driver.
  if (given.length === 0 && !isKind(network ?? 'slirp4netns')) return undefined;
  const words = given.length > 0 ? given : [network ?? 'slirp4netns'];
  const other = words.find(isOtherKind);
  if (other === undefined) return withFlags(words.map(parseNetwork), asked);
  // Of several that no two containers share, the last one counts.
  if (!words.every(isOtherKind))
    throw notTogether(`--network ${other}`, 'another --network: it is no network that containers share');
  const flag = givenFlag(asked);
  if (flag !== undefined)
    throw notTogether(
      flag,
      `--network ${other}: it is for networks that containers share`,
      'leave one of them out, or give --network NAME, one that hutch network create has made',
    );
  return undefined;
}

/** A driver that is no bridge, with options of its own or without; or the network of another container. */
function isOtherKind(word: string): boolean {
  const [name = ''] = word.split(':');
  return name === 'container' || (name !== 'bridge' && isKind(name));
}

function isKind(name: string): boolean {
  return (NETWORK_DRIVERS as readonly string[]).includes(name);
}

function givenFlag({ networkAliases = [], ip, ip6, macAddress }: Asked): string | undefined {
  if (networkAliases.length > 0) return '--network-alias';
  if (ip !== undefined) return '--ip';
  if (ip6 !== undefined) return '--ip6';
  return macAddress === undefined ? undefined : '--mac-address';
}

/** Podman's form, and docker's: `name=NAME,alias=…`. */
function parseNetwork(word: string): NetworkAttachment {
  if (word.startsWith('ns:'))
    throw badValue('--network', word, 'container:NAME: only the network of another container of yours can be joined');
  const isDockers = word.startsWith('name=');
  const colon = word.indexOf(':');
  const [name, rest] = isDockers
    ? ['', word]
    : [colon < 0 ? word : word.slice(0, colon), colon < 0 ? '' : word.slice(colon + 1)];
  const options = rest === '' ? [] : rest.split(',').map((option) => parseOption(word, option));
  const valuesOf = (key: string): string[] => options.flatMap(([its, value]) => (its === key ? [value] : []));
  const given = isDockers ? (valuesOf('name')[0] ?? '') : name;
  if (given === '') throw badValue('--network', word, FORM);
  return attachment(given === 'bridge' ? DEFAULT_NETWORK : given, {
    aliases: valuesOf('alias'),
    ip: valuesOf('ip').at(-1),
    ip6: valuesOf('ip6').at(-1),
    mac: valuesOf('mac').at(-1),
  });
}

const KEYS: Readonly<Record<string, string>> = {
  name: 'name',
  alias: 'alias',
  ip: 'ip',
  ip4: 'ip',
  ip6: 'ip6',
  mac: 'mac',
  'mac-address': 'mac',
};

function parseOption(word: string, option: string): [string, string] {
  const equals = option.indexOf('=');
  const key = equals <= 0 || !Object.hasOwn(KEYS, option.slice(0, equals)) ? undefined : KEYS[option.slice(0, equals)];
  if (key === undefined || equals === option.length - 1) throw badValue('--network', word, FORM);
  return [key, option.slice(equals + 1)];
}

interface Wishes {
  readonly aliases: readonly string[];
  readonly ip: string | undefined;
  readonly ip6: string | undefined;
  readonly mac: string | undefined;
}

/** That a container is to be on a network, with all values checked. USAGE_INVALID. */
export function attachment(network: string, { aliases, ip, ip6, mac }: Wishes): NetworkAttachment {
  const alias = aliases.find((name) => !ALIAS.test(name) || name.length > 253);
  if (alias !== undefined) throw badValue('--network-alias', alias, 'letters, digits and "-", such as db');
  if (ip !== undefined && parseAddress(ip) === undefined)
    throw badValue('--ip', ip, 'an IPv4 address such as 10.89.0.7');
  const address6 = ip6 === undefined ? undefined : parseAddress6(ip6);
  if (ip6 !== undefined && address6 === undefined)
    throw badValue('--ip6', ip6, 'an IPv6 address such as fd12:3456:789a::7');
  if (mac !== undefined && !isUnicastMac(mac))
    throw badValue('--mac-address', mac, 'an address of one device, such as 02:42:0a:59:00:07');
  return {
    network,
    aliases: [...new Set(aliases.map((name) => name.toLowerCase()))],
    ...(ip === undefined ? {} : { ip }),
    ...(address6 === undefined ? {} : { ip6: addressText6(address6) }),
    ...(mac === undefined ? {} : { mac: mac.toLowerCase() }),
  };
}

/** An odd first byte is an address of many. */
function isUnicastMac(mac: string): boolean {
  return MAC.test(mac) && Number.parseInt(mac.slice(0, 2), 16) % 2 === 0 && !/^[0:]+$/u.test(mac);
}

/** Aliases are for all networks, addresses for the only one. */
function withFlags(attachments: readonly NetworkAttachment[], asked: Asked): NetworkAttachment[] {
  const { networkAliases = [], ip, ip6, macAddress } = asked;
  const names = attachments.map(({ network }) => network);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw notTogether(`--network ${twice}`, 'itself: the container is on it once');
  if (attachments.length > 1 && ip !== undefined)
    throw notTogether('--ip', 'several networks: give --network NAME:ip=…');
  if (attachments.length > 1 && ip6 !== undefined)
    throw notTogether('--ip6', 'several networks: give --network NAME:ip6=…');
  if (attachments.length > 1 && macAddress !== undefined)
    throw notTogether('--mac-address', 'several networks: give --network NAME:mac=…');
  return attachments.map((one) =>
    attachment(one.network, {
      aliases: [...one.aliases, ...networkAliases],
      ip: ip ?? one.ip,
      ip6: ip6 ?? one.ip6,
      mac: macAddress ?? one.mac,
    }),
  );
}

function notTogether(flag: string, other: string, hint = 'leave one of them out'): HutchError {
  return new HutchError(`${flag} does not go with ${other}`, {
    code: 'USAGE_INVALID',
    hint,
    context: { flag },
  });
}
