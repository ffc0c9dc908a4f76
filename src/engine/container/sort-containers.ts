/** `hutch ps --sort`; pure. */
import type { ListedContainer } from './list-containers.ts';
import type { ContainerSize } from './measure-containers.ts';
import { badValue } from './parse-values.ts';

type Sizes = ReadonlyMap<string, ContainerSize> | undefined;

/** What each key compares, lowest first. As podman has them. */
const KEYS: Readonly<Record<string, (container: ListedContainer, sizes: Sizes) => string | number>> = {
  command: ({ record }) => record.command.join(' '),
  created: ({ record }) => record.createdAt,
  id: ({ record }) => record.id,
  image: ({ record }) => record.image.reference,
  names: ({ record }) => record.name,
  runningfor: ({ state }) => state.startedAt ?? '',
  size: ({ record }, sizes) => sizes?.get(record.id)?.ownBytes ?? 0,
  status: ({ state }) => state.status,
};

/** The order that --sort asks for; the order they are in when it is left out. USAGE_INVALID for another key. */
export function sortContainers(
  containers: readonly ListedContainer[],
  key: string | undefined,
  sizes: Sizes,
): readonly ListedContainer[] {
  if (key === undefined) return containers;
  const valueOf = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
  if (valueOf === undefined) throw badValue('--sort', key, `one of ${Object.keys(KEYS).join(', ')}`);
  return containers.toSorted((a, b) => compare(valueOf(a, sizes), valueOf(b, sizes)));
}

function compare(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
