/** Records and names of containers in a store of the test. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { identifyProcess } from '../../src/host/process-identity.ts';
import {
  checkName,
  claimName,
  containerDirectory,
  findContainer,
  listContainers,
  releaseName,
  releaseNamesOf,
  statusOf,
  writeContainer,
  type ContainerRecord,
} from '../../src/state/container-record.ts';
import type { Store } from '../../src/state/store.ts';
import { refusal, storeAt } from '../engine/container/requests.ts';

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

function recordOf(id: string, changes: Partial<ContainerRecord> = {}): ContainerRecord {
  return {
    id,
    name: `name-${id.slice(0, 2)}`,
    image: { reference: 'host', id: '', layers: [] },
    command: ['sh'],
    createdAt: '2026-01-01T00:00:00.000Z',
    removeAtExit: false,
    monitor: null,
    payload: null,
    exit: null,
    ...changes,
  };
}

function put(record: ContainerRecord): ContainerRecord {
  mkdirSync(containerDirectory(store, record.id), { recursive: true });
  claimName(store, record.name, record.id);
  writeContainer(store, record);
  return record;
}

test('containerDirectory() takes nothing but an id, so that no word of a user becomes a path', () => {
  assert.equal(containerDirectory(store, ID), path.join(store.containers, ID));
  for (const word of ['', '..', '../x', ID.toUpperCase(), `${ID}/..`, ID.slice(1)])
    assert.throws(() => containerDirectory(store, word));
});

test('findContainer() finds a record by name, id and the unique beginning of an id', () => {
  const [one, two] = [put(recordOf(ID)), put(recordOf(OTHER))];
  assert.deepEqual(findContainer(store, one.name), one);
  assert.deepEqual(findContainer(store, ID), one);
  assert.deepEqual(findContainer(store, 'abc'), two);
  assert.throws(() => findContainer(store, 'a'), refusal('CONTAINER_UNKNOWN', /^"a" begins the ids of 2 containers$/u));
});

test('findContainer() prefers a name to the beginning of an id', () => {
  put(recordOf(ID));
  const named = put(recordOf(OTHER, { name: 'aaaa' }));
  assert.deepEqual(findContainer(store, 'aaaa'), named);
});

test('findContainer() knows no container for words that are none, and follows no path', () => {
  put(recordOf(ID));
  writeFileSync(path.join(store.root, 'outside'), ID);
  for (const word of ['', 'none', '../outside', '.', '..', 'b', `${ID}0`]) {
    assert.throws(() => findContainer(store, word), refusal('CONTAINER_UNKNOWN', /^there is no container/u), word);
  }
});

test('listContainers() has the newest first, and leaves out what has no record', () => {
  put(recordOf(ID, { createdAt: '2026-01-01T00:00:00.000Z' }));
  put(recordOf(OTHER, { createdAt: '2026-02-01T00:00:00.000Z' }));
  mkdirSync(path.join(store.containers, 'd'.repeat(64)));
  mkdirSync(path.join(store.containers, 'not-an-id'));
  assert.deepEqual(
    listContainers(store).map(({ id }) => id),
    [OTHER, ID],
  );
  assert.deepEqual(listContainers(storeAt(path.join(scratch, 'none'))), []);
});

test('listContainers() tells of a record that is damaged instead of leaving it out', () => {
  put(recordOf(ID));
  writeFileSync(path.join(containerDirectory(store, ID), 'container.json'), '{"id":');
  assert.throws(() => listContainers(store), refusal('RECORD_CORRUPT', /container\.json is damaged/u));
});

test('statusOf() believes living processes and not the record', () => {
  const self = identifyProcess(process.pid);
  assert.ok(self !== undefined);
  assert.equal(statusOf(recordOf(ID)), 'created');
  assert.equal(statusOf(recordOf(ID, { monitor: self })), 'running');
  assert.equal(
    statusOf(recordOf(ID, { monitor: { ...self, startTime: '1' } })),
    'dead',
    'the pid is used by another process',
  );
  assert.equal(statusOf(recordOf(ID, { monitor: { ...self, bootId: 'before' } })), 'dead', 'the host was booted since');
  assert.equal(statusOf(recordOf(ID, { monitor: { ...self, pid: 2 ** 30 } })), 'dead');
  assert.equal(statusOf(recordOf(ID, { monitor: self, exit: { code: 0, finishedAt: '' } })), 'exited');
});

test('claimName() gives a name once, and again after it was released', () => {
  put(recordOf(ID, { name: 'web' }));
  assert.throws(
    () => claimName(store, 'web', OTHER),
    refusal('NAME_IN_USE', /^the name "web" is in use by container aaaaaaaaaaaa$/u),
  );
  releaseName(store, 'web', OTHER);
  assert.throws(
    () => claimName(store, 'web', OTHER),
    refusal('NAME_IN_USE', /web/u),
    'nobody but the owner can release it',
  );
  releaseName(store, 'web', ID);
  claimName(store, 'web', OTHER);
  releaseName(store, 'web', OTHER);
  releaseName(store, 'web', OTHER);
  assert.deepEqual(readdirSync(path.join(store.root, 'names')), []);
});

test('claimName() takes over the name of a container that is gone', () => {
  claimName(store, 'web', ID);
  assert.equal(existsSync(containerDirectory(store, ID)), false);
  claimName(store, 'web', OTHER);
});

test('releaseNamesOf() frees what a container has claimed that never had a record, and nothing else', () => {
  releaseNamesOf(store, ID);
  claimName(store, 'half', ID);
  claimName(store, 'whole', OTHER);
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
