/** Records of networks that are damaged or contradict each other, and containers on networks that are gone; on the host's side. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isHutchError } from '../../../errors/hutch-error.ts';
import { doOverlap, parseSubnet } from '../../../linux/ipv4.ts';
import { doOverlap6, parseSubnet6 } from '../../../linux/ipv6.ts';
import { containerDirectory, listIds, readContainer, type ContainerRecord } from '../../../state/container-record.ts';
import type { NetworkRecord } from '../../../state/network-record.ts';
import { listNetworks, networkNames } from '../../../state/networks.ts';
import { passingFile } from '../../../state/passing-files.ts';
import type { Store } from '../../../state/store.ts';
import { isWhole } from '../../container/sweep-orphans.ts';
import { namesIn, type Leftover } from './leftover.ts';

/** All of it is for the user to mend: a record cannot be guessed, and which of two networks is to go nobody else knows. Takes no lock. */
export function findNetworkLeftovers(store: Store): Leftover[] {
  const { networks, damage } = listNetworks(store);
  const damaged = damage.map(({ message, hint, context }) =>
    finding(String(context['path']), message, hint ?? 'restore that file from a backup'),
  );
  return [...damaged, ...strangers(store), ...contradictions(store, networks), ...withoutNetwork(store)];
}

function finding(place: string, text: string, hint: string): Leftover {
  return { kind: 'damage', place, text, mend: null, hint };
}

function pathOf(store: Store, name: string): string {
  return join(store.networks, `${name}.json`);
}

/** Files that are no record by their names; half-written ones are told elsewhere. */
function strangers(store: Store): Leftover[] {
  const known = new Set(networkNames(store).map((name) => basename(pathOf(store, name))));
  return namesIn(store.networks)
    .filter((name) => !known.has(name) && passingFile(name)?.kind !== 'half')
    .map((name) =>
      finding(join(store.networks, name), 'a file among the records of networks that is none', 'move it away'),
    );
}

/** Two networks that one process would never have made beside each other. */
function contradictions(store: Store, networks: readonly NetworkRecord[]): Leftover[] {
  return networks.flatMap((one, index) =>
    networks.slice(index + 1).flatMap((other) => {
      const text = contradiction(one, other);
      const hint = `remove one of them (hutch network rm ${other.name}) and make it again`;
      return text === null ? [] : [finding(pathOf(store, other.name), text, hint)];
    }),
  );
}

function contradiction(one: NetworkRecord, other: NetworkRecord): string | null {
  const names = `networks "${one.name}" and "${other.name}"`;
  if (one.id === other.id) return `${names} have the same id`;
  const common = commonSubnets(one, other) ?? commonSubnets6(one, other);
  return common === null ? null : `${names} have addresses in common: ${common}`;
}

function commonSubnets({ subnet: one }: NetworkRecord, { subnet: other }: NetworkRecord): string | null {
  const [first, second] = [parseSubnet(one), parseSubnet(other)];
  return first !== undefined && second !== undefined && doOverlap(first, second) ? `${one} and ${other}` : null;
}

function commonSubnets6({ ipv6: one }: NetworkRecord, { ipv6: other }: NetworkRecord): string | null {
  if (one === undefined || other === undefined) return null;
  const [first, second] = [parseSubnet6(one.subnet), parseSubnet6(other.subnet)];
  const isCommon = first !== undefined && second !== undefined && doOverlap6(first, second);
  return isCommon ? `${one.subnet} and ${other.subnet}` : null;
}

/** The record of a container comes first and the look at its networks next, so a suspect is looked at twice. */
function withoutNetwork(store: Store): Leftover[] {
  return listIds(store).flatMap((id) =>
    missingNetworks(store, id)
      .filter((network) => missingNetworks(store, id).includes(network))
      .map((network) => goneFrom(store, id, network)),
  );
}

function goneFrom(store: Store, id: string, network: string): Leftover {
  const name = wholeContainer(store, id)?.name ?? id;
  return finding(
    containerDirectory(store, id),
    `container "${name}" is on network "${network}", which is gone`,
    `make it again (hutch network create ${network}), or take the container off it (hutch network disconnect ${network} ${name})`,
  );
}

function missingNetworks(store: Store, id: string): string[] {
  const { networks = [] } = wholeContainer(store, id) ?? {};
  return networks.map(({ network }) => network).filter((network) => !existsSync(pathOf(store, network)));
}

/** Undefined while it is made, when it is gone, and where its record is damaged, which is told elsewhere. */
function wholeContainer(store: Store, id: string): ContainerRecord | undefined {
  try {
    const record = readContainer(store, id);
    return record !== undefined && isWhole(store, record) ? record : undefined;
  } catch (error) {
    if (isHutchError(error, 'RECORD_CORRUPT')) return undefined;
    throw error;
  }
}
