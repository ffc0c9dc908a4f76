/** `hutch network ls`: the networks of the user; reads the store. */
import { HutchError, isHutchError } from '../../errors/hutch-error.ts';
import type { NetworkRecord } from '../../state/network-record.ts';
import { containersOn, findNetwork, listNetworks } from '../../state/networks.ts';
import { locateStore, type Store } from '../../state/store.ts';
import { momentOf } from '../parse-moment.ts';
import { hasLabel } from '../prune-filter.ts';

export type { NetworkRecord };
type Test = (record: NetworkRecord) => boolean;
type MakeTest = (value: string, store: Store) => Test | undefined;

/** Undefined: not a value of that key. */
const TESTS: Readonly<Record<string, MakeTest>> = {
  name: (value) => (record) => record.name.includes(value),
  id: (value) => (record) => record.id.startsWith(value),
  driver: (value) => (record) => record.driver === value,
  label: (value) => hasLabel(value),
  'label!': (value) => (record) => !hasLabel(value)(record),
  scope: (value) => () => value === 'local',
  // None is there but those that somebody has made.
  type: (value) => (value === 'custom' ? () => true : value === 'builtin' ? () => false : undefined),
  dangling: (value, store) => {
    if (value !== 'true' && value !== 'false') return undefined;
    return (record) => (containersOn(store, record).length === 0) === (value === 'true');
  },
  until: (value) => {
    const limitMs = momentOf(value);
    return limitMs === undefined ? undefined : (record) => Date.parse(record.createdAt) < limitMs;
  },
};

const ALL_MUST_FIT: readonly string[] = ['label', 'label!'];

export interface NetworkList {
  readonly networks: readonly NetworkRecord[];
  /** Why each network that is left out cannot be told. */
  readonly damage: readonly string[];
}

/** The networks that fit each key of `filters` (`KEY=VALUE`), of several values of one any, of labels all; by name. USAGE_INVALID. */
export function listUserNetworks(filters: readonly string[]): NetworkList {
  const store = locateStore();
  const groups = new Map<string, Test[]>();
  for (const filter of filters) {
    const [, key = '', value = ''] = /^([a-z]+!?)=(.+)$/su.exec(filter) ?? [];
    const test = Object.hasOwn(TESTS, key) ? TESTS[key]?.(value, store) : undefined;
    if (test === undefined) throw unknownFilter(filter);
    groups.set(key, [...(groups.get(key) ?? []), test]);
  }
  const { networks, damage } = listNetworks(store);
  const fitting = networks.filter((record) =>
    [...groups].every(([key, tests]) =>
      ALL_MUST_FIT.includes(key) ? tests.every((test) => test(record)) : tests.some((test) => test(record)),
    ),
  );
  return { networks: fitting, damage: damage.map(({ message }) => message) };
}

/** Whether a name or id is that of a network. RECORD_CORRUPT. */
export function isUserNetwork(word: string): boolean {
  try {
    findNetwork(locateStore(), word);
    return true;
  } catch (error) {
    if (isHutchError(error, 'NETWORK_UNKNOWN')) return false;
    throw error;
  }
}

function unknownFilter(filter: string): HutchError {
  return new HutchError(`--filter "${filter}" is not known`, {
    code: 'USAGE_INVALID',
    hint: 'use name=PART, id=, driver=bridge, label=KEY[=VALUE], label!=…, dangling=true|false, until=24h, scope=local or type=custom|builtin',
    context: { filter },
  });
}
