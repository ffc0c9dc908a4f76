/** Records and names of containers in a store of the test. */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { identifyProcess } from '../../src/host/process-identity.ts';
import { checkName, claimName, releaseName, releaseNamesOf } from '../../src/state/container-names.ts';
import {
  containerDirectory,
  findContainer,
  listContainers,
  writeContainer,
  type ContainerRecord,
} from '../../src/state/container-record.ts';
import { currentState, isBusy, newState, writeState, type ContainerState } from '../../src/state/container-state.ts';
import type { Store } from '../../src/state/store.ts';
import { refusal, storeAt } from '../engine/container/requests.ts';
import { recordOf } from '../helpers/stored-containers.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'hutch-records-'));
after(() => rmSync(scratch, { recursive: true }));

let store: Store;
let made = 0;
beforeEach(() => {
  store = storeAt(path.join(scratch, String((made += 1))));
  mkdirSync(store.containers, { recursive: true });
});

const ID = 'a'.repeat(64);
const OTHER = `ab${'c'.repeat(62)}`;

async function put(record: ContainerRecord): Promise<ContainerRecord> {
  mkdirSync(containerDirectory(store, record.id), { recursive: true });
  await claimName(store, record.name, record.id);
  writeContainer(store, record);
  return record;
}

test('containerDirectory() takes nothing but an id, so that no word of a user becomes a path', () => {
  assert.equal(containerDirectory(store, ID), path.join(store.containers, ID));
  for (const word of ['', '..', '../x', ID.toUpperCase(), `${ID}/..`, ID.slice(1)])
    assert.throws(() => containerDirectory(store, word));
});

test('findContainer() finds a record by name, id and the unique beginning of an id', async () => {
  const [one, two] = [await put(recordOf(ID)), await put(recordOf(OTHER))];
  assert.deepEqual(findContainer(store, one.name), one);
  assert.deepEqual(findContainer(store, ID), one);
  assert.deepEqual(findContainer(store, 'abc'), two);
  assert.throws(() => findContainer(store, 'a'), refusal('NAME_AMBIGUOUS', /^"a" begins the ids of 2 containers$/u));
});

test('findContainer() prefers a name to the beginning of an id', async () => {
  await put(recordOf(ID));
  const named = await put(recordOf(OTHER, { name: 'aaaa' }));
  assert.deepEqual(findContainer(store, 'aaaa'), named);
});

test('findContainer() knows no container for words that are none, and follows no path', async () => {
  await put(recordOf(ID));
  writeFileSync(path.join(store.root, 'outside'), ID);
  for (const word of ['', 'none', '../outside', '.', '..', 'b', `${ID}0`]) {
    assert.throws(() => findContainer(store, word), refusal('CONTAINER_UNKNOWN', /^there is no container/u), word);
  }
});

test('listContainers() has the newest first, and leaves out what has no record', async () => {
  await put(recordOf(ID, { createdAt: '2026-01-01T00:00:00.000Z' }));
  await put(recordOf(OTHER, { createdAt: '2026-02-01T00:00:00.000Z' }));
  mkdirSync(path.join(store.containers, 'd'.repeat(64)));
  mkdirSync(path.join(store.containers, 'not-an-id'));
  assert.deepEqual(
    listContainers(store).map(({ id }) => id),
    [OTHER, ID],
  );
  assert.deepEqual(listContainers(storeAt(path.join(scratch, 'none'))), []);
});

test('listContainers() tells of a record that is damaged instead of leaving it out', async () => {
  await put(recordOf(ID));
  writeFileSync(path.join(containerDirectory(store, ID), 'container.json'), '{"id":');
  assert.throws(() => listContainers(store), refusal('RECORD_CORRUPT', /container\.json is damaged/u));
});

test('currentState() believes living processes and not what is on disk', async () => {
  const self = identifyProcess(process.pid);
  assert.ok(self !== undefined);
  const record = await put(recordOf(ID));
  const seen = (changes: Partial<ContainerState>): ContainerState => {
    writeState(store, ID, { ...newState(null), startedAt: '2026-01-01T00:00:00.000Z', ...changes });
    return currentState(store, record);
  };
  assert.equal(currentState(store, record).status, 'created', 'without a state it was never started');
  assert.equal(seen({ status: 'running', monitor: self }).status, 'running');
  const gone = seen({ status: 'running', monitor: { ...self, startTime: '1' } });
  assert.deepEqual([gone.status, gone.exitCode, gone.reason], ['exited', 137, 'its monitor was killed']);
  assert.equal(isBusy(gone), false);
  assert.equal(seen({ status: 'running', monitor: { ...self, bootId: 'before' } }).reason, 'the host was booted since');
  assert.equal(seen({ status: 'restarting', monitor: { ...self, pid: 2 ** 30 } }).status, 'exited');
  assert.equal(seen({ status: 'created', startedAt: null, monitor: { ...self, pid: 2 ** 30 } }).status, 'created');
  const ended = seen({ status: 'exited', exitCode: 3, monitor: { ...self, pid: 2 ** 30 } });
  assert.deepEqual([ended.status, ended.exitCode, ended.monitor], ['exited', 3, null]);
});

test('claimName() gives a name once, and again after it was released', async () => {
  await put(recordOf(ID, { name: 'web' }));
  mkdirSync(containerDirectory(store, OTHER));
  await assert.rejects(
    claimName(store, 'web', OTHER),
    refusal('NAME_IN_USE', /^the name "web" is in use by container aaaaaaaaaaaa$/u),
  );
  releaseName(store, 'web', OTHER);
  await assert.rejects(
    claimName(store, 'web', OTHER),
    refusal('NAME_IN_USE', /web/u),
    'nobody but the owner can release it',
  );
  releaseName(store, 'web', ID);
  await claimName(store, 'web', OTHER);
  releaseName(store, 'web', OTHER);
  releaseName(store, 'web', OTHER);
  assert.deepEqual(readdirSync(path.join(store.root, 'names')), []);
});

test('claimName() takes over the name of a container that is gone, for exactly one of many who want it', async () => {
  mkdirSync(containerDirectory(store, ID));
  await claimName(store, 'web', ID);
  rmSync(containerDirectory(store, ID), { recursive: true });
  const ids = Array.from({ length: 5 }, (_, index) => String(index + 1).repeat(64));
  for (const id of ids) mkdirSync(containerDirectory(store, id));
  const outcomes = await Promise.allSettled(ids.map((id) => claimName(store, 'web', id)));
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
});

test('releaseNamesOf() frees what a container has claimed that never had a record, and nothing else', async () => {
  releaseNamesOf(store, ID);
  for (const id of [ID, OTHER]) mkdirSync(containerDirectory(store, id));
  await claimName(store, 'half', ID);
  await claimName(store, 'whole', OTHER);
  releaseNamesOf(store, ID);
  assert.deepEqual(readdirSync(path.join(store.root, 'names')), ['whole']);
});

test('checkName() takes names that are safe as file names and on a command line', () => {
  for (const name of ['a', '0', 'web_1.x-y', 'x'.repeat(128)]) checkName(name);
  for (const name of ['', '-a', '.a', '_a', 'a/b', '..', 'a b', 'a\n', 'ä', 'x'.repeat(129)]) {
    assert.throws(
      () => checkName(name),
      refusal('USAGE_INVALID', /cannot be a container's name$/u),
      JSON.stringify(name),
    );
  }
});
