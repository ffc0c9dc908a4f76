/** The store's directories, JSON files, the running list, settings and locks. */

import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { identifyProcess } from '../../src/host/process-identity.ts';
import {
  overwriteJsonFile,
  readJsonFile,
  writeError,
  writeJsonFile,
  writeTextFile,
} from '../../src/state/json-file.ts';
import { withLock } from '../../src/state/lock.ts';
import { enterRunning, leaveRunning, listOrphans } from '../../src/state/running-list.ts';
import { readSettings } from '../../src/state/settings.ts';
import { locateStore, openStore, requireMarked } from '../../src/state/store.ts';
import { refusal, storeAt } from '../engine/container/requests.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'hutch-store-'));
after(() => rmSync(scratch, { recursive: true }));

let place = '';
let made = 0;
beforeEach(() => {
  place = path.join(scratch, String((made += 1)));
  mkdirSync(place);
});

const modeOf = (file: string): number => statSync(file).mode & 0o7777;

test('openStore() makes private directories with a marker, whatever the umask, and opens them again', () => {
  const before = process.umask(0);
  const store = openStore(locateStore({ data: `${place}/deep/data`, config: `${place}/config`, run: `${place}/run` }));
  process.umask(before);
  for (const directory of [store.root, store.run, store.images, store.layers, store.containers, store.staging]) {
    assert.equal(modeOf(directory), 0o700, directory);
  }
  requireMarked(store.root);
  assert.deepEqual(openStore(store), store);
});

test('openStore() refuses a place that others may enter or that a link leads to', () => {
  const store = storeAt(`${place}/data`);
  mkdirSync(store.root, { mode: 0o700 });
  chmodSync(store.root, 0o755);
  assert.throws(() => openStore(store), refusal('STORE_INSECURE', /others may enter it \(mode 755\)/u));
  rmSync(store.root, { recursive: true });
  mkdirSync(`${place}/elsewhere`, { mode: 0o700 });
  symlinkSync(`${place}/elsewhere`, store.root);
  assert.throws(() => openStore(store), refusal('STORE_INSECURE', /it is not a directory/u));
  assert.deepEqual(readdirSync(`${place}/elsewhere`), []);
});

test(
  'openStore() refuses a place that belongs to somebody else',
  { skip: process.getuid?.() === 0 ? 'root owns it all' : false },
  () => {
    assert.throws(() => openStore(storeAt('/usr')), refusal('STORE_INSECURE', /it belongs to uid 0/u));
    assert.throws(
      () => openStore(storeAt('/usr/no/such')),
      refusal('STORE_UNWRITABLE', /cannot make \/usr\/no\/such: EACCES/u),
    );
  },
);

test('requireMarked() lets nothing be deleted in a directory that is not hutch’s', () => {
  assert.throws(() => requireMarked(place), refusal('STORE_INSECURE', /marker; nothing in it is deleted/u));
  writeFileSync(`${place}/.hutch-directory`, '');
  assert.throws(() => requireMarked(place), refusal('STORE_INSECURE', /marker/u));
});

test('writeJsonFile() writes whole files for their owner only, and leaves no other file', () => {
  const file = `${place}/file.json`;
  writeJsonFile(file, { a: 1 });
  writeJsonFile(file, { a: 2 }, { durable: false });
  assert.deepEqual(readJsonFile(file), { a: 2 });
  assert.equal(modeOf(file), 0o600);
  assert.deepEqual(readdirSync(place), ['file.json']);
});

test('writeTextFile() keeps the old content when it fails, and says where and why', () => {
  const file = `${place}/file`;
  mkdirSync(file);
  assert.throws(() => writeTextFile(file, 'x'), refusal('STORE_UNWRITABLE', /^cannot write .*\/file: E/u));
  assert.deepEqual(readdirSync(place), ['file']);
  assert.throws(() => writeTextFile(`${place}/none/file`, 'x'), refusal('STORE_UNWRITABLE', /ENOENT$/u));
});

test('writeError() tells a full disk or quota from a place that cannot be written', () => {
  const errno = (code: string): Error => Object.assign(new Error(code), { code });
  assert.equal(writeError('/x', errno('ENOSPC')).code, 'STORAGE_FULL');
  assert.equal(writeError('/x', errno('EDQUOT')).code, 'STORAGE_FULL');
  assert.equal(writeError('/x', errno('EROFS')).code, 'STORE_UNWRITABLE');
});

test('readJsonFile() knows a missing file from a damaged one', () => {
  assert.equal(readJsonFile(`${place}/none`), undefined);
  writeFileSync(`${place}/bad`, '{');
  assert.throws(() => readJsonFile(`${place}/bad`), refusal('RECORD_CORRUPT', /bad is damaged: it is not JSON$/u));
});

test('listOrphans() lists entries whose process is gone, and only those', async () => {
  const store = storeAt(place);
  mkdirSync(store.run);
  const self = identifyProcess(process.pid);
  assert.ok(self !== undefined);
  assert.deepEqual(listOrphans(store), []);
  const [alive, dead, other] = ['a', 'b', 'c'].map((letter) => letter.repeat(64));
  assert.equal(await enterRunning(store, alive ?? '', self), true);
  await enterRunning(store, dead ?? '', { ...self, startTime: '1' });
  await enterRunning(store, other ?? '', { ...self, bootId: 'before' });
  assert.equal(await enterRunning(store, alive ?? '', self), false, 'a living process has it');
  writeFileSync(`${store.run}/running/${'d'.repeat(64)}.12.tmp`, '');
  assert.deepEqual(listOrphans(store).sort(), [dead, other]);
  assert.equal(await enterRunning(store, dead ?? '', self), true, 'a dead one is followed');
  assert.deepEqual(listOrphans(store), [other]);
  for (const id of [dead, other, dead]) leaveRunning(store, id ?? '');
  assert.deepEqual(listOrphans(store), []);
});

test('readSettings() takes known words only, and an absent file for none', () => {
  const store = storeAt(place);
  assert.deepEqual(readSettings(store), {});
  mkdirSync(store.config);
  const write = (text: string): void => writeFileSync(`${store.config}/config.json`, text);
  write('{"storageDriver":"vfs","network":"none"}');
  assert.deepEqual(readSettings(store), { storageDriver: 'vfs', network: 'none' });
  for (const [text, message] of [
    ['[]', /not a JSON object/u],
    ['"x"', /not a JSON object/u],
    ['{"x":1}', /"x" is not a setting/u],
    ['{"network":1}', /"network" is not a string/u],
    ['{"syncLayers":"maybe"}', /"syncLayers" is "maybe", not yes or no/u],
  ] as const) {
    write(text);
    assert.throws(() => readSettings(store), refusal('CONFIG_INVALID', message), text);
  }
  write('{');
  assert.throws(() => readSettings(store), refusal('RECORD_CORRUPT', /not JSON/u));
});

test('overwriteJsonFile() leaves the new value alone, be it longer or shorter, in the same file', () => {
  const file = path.join(place, 'state.json');
  writeJsonFile(file, { status: 'created' });
  const { ino } = statSync(file);
  for (const value of [{ status: 'running', pid: 12 }, { status: 'exited' }]) {
    overwriteJsonFile(file, value);
    assert.deepEqual(readJsonFile(file), value);
  }
  assert.equal(statSync(file).ino, ino);
  assert.throws(() => overwriteJsonFile(path.join(place, 'none'), {}), { code: 'STORE_UNWRITABLE' });
});

test('withLock() lets one in at a time, and frees the lock when the work fails', async () => {
  let inside = 0;
  const work = async (): Promise<void> => {
    inside += 1;
    assert.equal(inside, 1);
    await sleep(20);
    inside -= 1;
  };
  await Promise.all([1, 2, 3].map(() => withLock(place, 'a test', work)));
  await assert.rejects(
    withLock(place, 'a test', () => Promise.reject(new Error('of the work'))),
    /of the work/u,
  );
  await withLock(place, 'a test', work);
  assert.equal(lstatSync(`${place}.lock`, { throwIfNoEntry: false }), undefined);
});

test('withLock() names the holder when its time is up', async () => {
  await withLock(place, 'the long work', async () => {
    const refused = withLock(place, 'the other', () => Promise.resolve(), 100);
    await assert.rejects(
      refused,
      refusal('LOCK_TIMEOUT', new RegExp(`is locked by pid ${process.pid} \\(the long work\\)`, 'u')),
    );
  });
  assert.equal(lstatSync(`${place}.lock`, { throwIfNoEntry: false }), undefined);
});

/** A process of its own that takes the lock of `place` and says so. */
async function holding(): Promise<ChildProcess> {
  const script = `
    import { withLock } from ${JSON.stringify(path.join(import.meta.dirname, '../../src/state/lock.ts'))};
    await withLock(${JSON.stringify(place)}, 'the work of a child', async () => {
      process.stdout.write('held');
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

const held = (deadlineMs: number): Promise<string> =>
  withLock(place, 'a test', () => Promise.resolve('held'), deadlineMs);
const rewriteHolder = (field: number, value: string): void => {
  const lock = `${place}.lock`;
  const holder = readlinkSync(lock).split(' ').with(field, value).join(' ');
  unlinkSync(lock);
  symlinkSync(holder, lock);
};

test('withLock() takes the lock of a process that was killed at once, and leaves nothing', async () => {
  await kill(await holding());
  assert.match(readlinkSync(`${place}.lock`), / the work of a child$/u);
  assert.equal(await held(0), 'held');
  assert.deepEqual(
    readdirSync(path.dirname(place)).filter((name) => name.startsWith(`${path.basename(place)}.`)),
    [],
  );
});

for (const [where, field, value] of [
  ['another boot, or of another host with the same home', 3, '00000000-0000-0000-0000-000000000000'],
  ['another pid namespace', 2, '1'],
] as const)
  test(`withLock() does not take the lock of a process of ${where} before it has been silent for long`, async () => {
    await kill(await holding());
    rewriteHolder(field, value);
    await assert.rejects(held(200), { code: 'LOCK_TIMEOUT', message: /the work of a child/u });
    const longAgo = new Date(Date.now() - 11_000);
    lutimesSync(`${place}.lock`, longAgo, longAgo);
    assert.equal(await held(0), 'held');
  });

test('withLock() knows a process by its start time, when its pid is used again', async () => {
  await kill(await holding());
  rewriteHolder(0, String(process.pid));
  assert.equal(await held(0), 'held');
});

test('withLock() never takes the lock of a process that lives, however silent it is', async () => {
  const child = await holding();
  try {
    child.kill('SIGSTOP');
    const longAgo = new Date(Date.now() - 60_000);
    lutimesSync(`${place}.lock`, longAgo, longAgo);
    await assert.rejects(held(200), {
      code: 'LOCK_TIMEOUT',
      message: `${place} is locked by pid ${String(child.pid)} (the work of a child)`,
    });
  } finally {
    await kill(child);
  }
});

test('withLock() waits for the holder of a lock that is nameless as long as it may live', async () => {
  symlinkSync('somebody', `${place}.lock`);
  await assert.rejects(held(100), { code: 'LOCK_TIMEOUT', message: /another process/u });
  const longAgo = new Date(Date.now() - 11_000);
  lutimesSync(`${place}.lock`, longAgo, longAgo);
  assert.equal(await held(0), 'held');
});

test('withLock() lets one in at a time when many find a dead holder at once', async () => {
  const log = path.join(place, 'log');
  for (let round = 0; round < 5; round += 1) {
    await kill(await holding());
    const script = `
      import { appendFileSync } from 'node:fs';
      import { setTimeout } from 'node:timers/promises';
      import { withLock } from ${JSON.stringify(path.join(import.meta.dirname, '../../src/state/lock.ts'))};
      for (let turn = 0; turn < 5; turn += 1)
        await withLock(${JSON.stringify(place)}, 'a turn', async () => {
          appendFileSync(${JSON.stringify(log)}, 'in ');
          await setTimeout(1);
          appendFileSync(${JSON.stringify(log)}, 'out ');
        });`;
    const run = promisify(execFile);
    await Promise.all([1, 2, 3, 4].map(() => run(process.execPath, ['--input-type=module', '-e', script])));
  }
  assert.equal(readFileSync(log, 'utf8'), 'in out '.repeat(100));
});

test('withLock() can be patient for hours without drawing up how', async () => {
  const before = process.memoryUsage().heapUsed;
  const hours = Array.from({ length: 8 }, (_, at) =>
    withLock(`${place}-${at}`, 'a test', () => Promise.resolve(process.memoryUsage().heapUsed), 4 * 3_600_000),
  );
  const grown = Math.max(...(await Promise.all(hours))) - before;
  assert.ok(grown < 4 << 20, `grew by ${grown} bytes`);
});

test(
  'withLock() says at once where no lock can be made',
  { skip: process.getuid?.() === 0 && 'root may write anywhere' },
  async () => {
    const closed = path.join(path.dirname(place), 'closed');
    mkdirSync(closed, { mode: 0o500 });
    const refused = withLock(path.join(closed, 'x'), 'a test', () => Promise.resolve(), 3_600_000);
    await assert.rejects(refused, refusal('STORE_UNWRITABLE', /cannot write .*closed\/x: EACCES/u));
  },
);
