/** What `hutch network ls` says of a network: columns, fields of templates, JSON; pure, CLI process. */
import type { NetworkRecord } from '../engine/network/list-networks.ts';
import type { Column } from './format/format-rows.ts';
import { goTime } from './format/human.ts';

/** Docker's columns, and more for templates. `idLength`: how much of an id is shown. */
export function networkColumns(idLength: number): readonly Column<NetworkRecord>[] {
  const onlyTemplates = { isShown: false } as const;
  return [
    { name: 'ID', header: 'NETWORK ID', text: ({ id }) => id.slice(0, idLength) },
    { name: 'Name', header: 'NAME', text: ({ name }) => name },
    { name: 'Driver', header: 'DRIVER', text: ({ driver }) => driver },
    { name: 'Scope', header: 'SCOPE', text: () => 'local' },
    { name: 'Subnet', header: 'SUBNET', text: ({ subnet }) => subnet, ...onlyTemplates },
    { name: 'Gateway', header: 'GATEWAY', text: ({ gateway }) => gateway, ...onlyTemplates },
    { name: 'Internal', header: 'INTERNAL', text: ({ internal }) => String(internal), ...onlyTemplates },
    { name: 'IPv6', header: 'IPV6', text: ({ ipv6 }) => String(ipv6 !== undefined), ...onlyTemplates },
    { name: 'CreatedAt', header: 'CREATED AT', text: ({ createdAt }) => goTime(createdAt), ...onlyTemplates },
    { name: 'Labels', header: 'LABELS', text: labelsText, ...onlyTemplates },
  ];
}

function labelsText({ labels }: NetworkRecord): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

/** `{{.Label "key"}}`. */
export function networkMethods({ labels }: NetworkRecord): object {
  return { Label: (key: unknown) => new Map(Object.entries(labels)).get(String(key)) ?? '' };
}

/** For programs: nothing is shortened, times are RFC 3339. */
export function networkJson(record: NetworkRecord): object {
  return {
    ID: record.id,
    Name: record.name,
    Driver: record.driver,
    Scope: 'local',
    Subnet: record.subnet,
    Gateway: record.gateway,
    IPRange: record.ipRange ?? null,
    Internal: record.internal,
    IPv6: record.ipv6 !== undefined,
    IPv6Subnet: record.ipv6?.subnet ?? null,
    IPv6Gateway: record.ipv6?.gateway ?? null,
    CreatedAt: record.createdAt,
    Labels: record.labels,
  };
}
