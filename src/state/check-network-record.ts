/** Whether what a file holds is the record of a network, and the network that the file is named after; pure. */
import { isWithin, parseAddress, parseSubnet } from '../linux/ipv4.ts';
import { isWithin6, parseAddress6, parseSubnet6 } from '../linux/ipv6.ts';
import type { NetworkRecord } from './network-record.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What is wrong with `value` as the record of network `name`, in words; null: nothing. */
export function problemOfRecord(value: unknown, name: string): string | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'it holds no record of a network';
  const fields = value as Fields;
  const wrong = Object.entries(TESTS).find(([key, isRight]) => !isRight(fields[key], fields));
  if (wrong !== undefined) return `${wrong[0]} is ${shown(fields[wrong[0]])}`;
  return fields['name'] === name ? null : `it is that of network ${shown(fields['name'])}`;
}

type Test = (value: unknown, fields: Fields) => boolean;

const TESTS: { readonly [K in keyof Required<NetworkRecord>]: Test } = {
  id: (value) => isText(value) && /^[0-9a-f]{64}$/u.test(value),
  name: isText,
  createdAt: (value) => isText(value) && !Number.isNaN(Date.parse(value)),
  driver: (value) => value === 'bridge',
  subnet: (value) => isText(value) && parseSubnet(value) !== undefined,
  gateway: isInSubnet,
  ipRange: (value) => value === undefined || (isText(value) && parseSubnet(value) !== undefined),
  ipv6: (value) => value === undefined || isIPv6Part(value),
  internal: (value) => typeof value === 'boolean',
  labels: (value) => typeof value === 'object' && value !== null && Object.values(value).every(isText),
};

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isInSubnet(value: unknown, { subnet: text }: Fields): boolean {
  if (!isText(value) || !isText(text)) return false;
  const [address, subnet] = [parseAddress(value), parseSubnet(text)];
  return address !== undefined && subnet !== undefined && isWithin(address, subnet);
}

function isIPv6Part(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { subnet: text, gateway, ipRange } = value as Fields;
  if (!isText(text) || !isText(gateway)) return false;
  if (ipRange !== undefined && !(isText(ipRange) && parseSubnet6(ipRange) !== undefined)) return false;
  const [address, subnet] = [parseAddress6(gateway), parseSubnet6(text)];
  return address !== undefined && subnet !== undefined && isWithin6(address, subnet);
}

function shown(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value).slice(0, 80);
}
