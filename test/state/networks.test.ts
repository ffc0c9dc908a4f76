import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import {
  addNetwork,
  findNetwork,
  listNetworks,
  peekNetwork,
  readNetwork,
  removeNetwork,
} from '../../src/state/networks.ts';
import type { NetworkRecord } from '../../src/state/network-record.ts';
import { storeAt, refusal } from '../engine/container/requests.ts';
import type { Store } from '../../src/state/store.ts';

function makeStore(context: TestContext): Store {
  const root = mkdtempSync(join(tmpdir(), 'hutch-networks-'));
  context.after(() => rmSync(root, { recursive: true }));
  return storeAt(root);
}

function record(name: string, digit: string): NetworkRecord {
  return {
    id: digit.repeat(64),
    name,
    createdAt: '2026-01-01T00:00:00.000Z',
    driver: 'bridge',
    subnet: '10.89.0.0/24',
    gateway: '10.89.0.1',
    ipv6: { subnet: 'fd01::/64', gateway: 'fd01::1' },
    internal: false,
    labels: {},
  };
}

const add = (store: Store, name: string, digit: string) => addNetwork(store, name, () => record(name, digit));

test('networks are found by name, id and the beginning of one', async (context) => {
  const store = makeStore(context);
  assert.deepEqual(listNetworks(store), { networks: [], damage: [] });
  await add(store, 'web', 'a');
  await add(store, 'db', 'b');
  assert.deepEqual(
    listNetworks(store).networks.map(({ name }) => name),
    ['db', 'web'],
  );
  for (const word of ['web', 'a'.repeat(64), 'aaa']) assert.equal(findNetwork(store, word).name, 'web');
});

test('a beginning of several ids is ambiguous, a name of none and a path are unknown', async (context) => {
  const store = makeStore(context);
  await addNetwork(store, 'one', () => ({ ...record('one', 'c'), id: `c1${'0'.repeat(62)}` }));
  await addNetwork(store, 'two', () => ({ ...record('two', 'c'), id: `c2${'0'.repeat(62)}` }));
  assert.throws(() => findNetwork(store, 'c'), refusal('NAME_AMBIGUOUS', /begins the ids of 2 networks/u));
  assert.throws(() => findNetwork(store, 'nope'), refusal('NETWORK_UNKNOWN', /no network "nope"/u));
  for (const word of ['../networks/one', '..', '', 'a/b']) {
    assert.equal(readNetwork(store, word), undefined);
    assert.throws(() => findNetwork(store, word), refusal('NETWORK_UNKNOWN', /no network/u));
  }
});

test('of many who want one name, one gets it, and each sees those before it', async (context) => {
  const store = makeStore(context);
  const results = await Promise.all(['1', '2', '3', '4'].map((digit) => add(store, 'web', digit)));
  assert.equal(results.filter((made) => made !== undefined).length, 1);
  const seen: number[] = [];
  const count = (name: string) =>
    addNetwork(store, name, (others) => {
      seen.push(others.length);
      return record(name, 'd');
    });
  await Promise.all(['x', 'y', 'z'].map(count));
  assert.deepEqual(seen.toSorted(), [1, 2, 3]);
});

test('a network is removed unless that is refused, and not when another has its name by now', async (context) => {
  const store = makeStore(context);
  const made = await add(store, 'web', 'a');
  assert.ok(made !== undefined);
  await assert.rejects(
    removeNetwork(store, made, () => {
      throw new Error('in use');
    }),
    /in use/u,
  );
  assert.equal(readNetwork(store, 'web')?.id, made.id);
  assert.equal(await removeNetwork(store, { ...made, id: 'e'.repeat(64) }, () => undefined), false);
  assert.equal(await removeNetwork(store, made, () => undefined), true);
  assert.equal(readNetwork(store, 'web'), undefined);
});

test('a damaged record is told with its file and the remedy, and others are read beside it', async (context) => {
  const store = makeStore(context);
  await add(store, 'sound', 'a');
  const wrong: readonly (readonly [string, object | string, RegExp])[] = [
    ['cut', '{"id":"ab', /it is not JSON$/u],
    ['empty', '', /it is not JSON$/u],
    ['list', [], /it holds no record of a network$/u],
    ['shape', { ...record('shape', 'b'), subnet: 7 }, /subnet is 7$/u],
    ['lacks', { ...record('lacks', 'b'), labels: undefined }, /labels is missing$/u],
    ['outside', { ...record('outside', 'b'), gateway: '10.90.0.1' }, /gateway is "10\.90\.0\.1"$/u],
    ['six', { ...record('six', 'b'), ipv6: { subnet: 'fd01::/64', gateway: 'fd02::1' } }, /ipv6 is \{.*fd02::1"\}$/u],
    ['called', record('sound', 'b'), /it is that of network "sound"$/u],
  ];
  for (const [name, content, message] of wrong) {
    const path = join(store.networks, `${name}.json`);
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    assert.throws(() => readNetwork(store, name), refusal('RECORD_CORRUPT', message));
    assert.throws(() => findNetwork(store, name), refusal('RECORD_CORRUPT', new RegExp(path, 'u')));
    assert.equal(peekNetwork(store, name), undefined);
    assert.deepEqual(
      [listNetworks(store).networks.map((one) => one.name), listNetworks(store).damage.length],
      [['sound'], 1],
    );
    await assert.rejects(add(store, 'next', 'c'), refusal('RECORD_CORRUPT', message));
    assert.equal(findNetwork(store, 'a'.repeat(12)).name, 'sound');
    assert.ok(await removeNetwork(store, { name, id: null }, () => undefined));
  }
  assert.equal(await removeNetwork(store, { name: 'sound', id: null }, () => undefined), false, 'it is not damaged');
  assert.ok(await add(store, 'next', 'c'), 'control');
});
