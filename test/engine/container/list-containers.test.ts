/** What `ps` and `inspect` read when there are very many containers: times depend on the machine, reads do not. */

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { inspectContainer } from '../../../src/engine/container/inspect-container.ts';
import { listContainers } from '../../../src/engine/container/list-containers.ts';
import { identifyProcess } from '../../../src/host/process-identity.ts';
import { idOf, recordOf, storeContainer, storeIn } from '../../helpers/stored-containers.ts';

const ENDED = 1000;
const RUNNING = 50;
const scratch = fs.mkdtempSync(path.join(tmpdir(), 'hutch-many-'));
const { readFileSync, readdirSync, mkdirSync, renameSync, writeFileSync } = fs;
const original = { readFileSync, readdirSync, mkdirSync, renameSync, writeFileSync };
const calls: { readonly read: string[]; readonly listed: string[]; readonly written: string[] } = {
  read: [],
  listed: [],
  written: [],
};

/** Notes the paths that are read, listed and made from here on. */
function watch(): void {
  for (const list of Object.values(calls)) list.length = 0;
  const noting = (name: keyof typeof original, list: string[]): void => {
    const call = original[name] as (...given: unknown[]) => unknown;
    Object.assign(fs, {
      [name]: (...given: unknown[]) => {
        list.push(String(given[0]));
        return call(...given);
      },
    });
  };
  noting('readFileSync', calls.read);
  noting('readdirSync', calls.listed);
  for (const name of ['mkdirSync', 'renameSync', 'writeFileSync'] as const) noting(name, calls.written);
  syncBuiltinESMExports();
}

function unwatch(): void {
  Object.assign(fs, original);
  syncBuiltinESMExports();
}

describe('with a thousand containers that have ended and fifty that run', () => {
  const count = (suffix: string): number => calls.read.filter((file) => file.endsWith(suffix)).length;

  before(async () => {
    process.env['HUTCH_DATA'] = path.join(scratch, 'data');
    process.env['XDG_RUNTIME_DIR'] = scratch;
    const store = storeIn(path.join(scratch, 'data'), path.join(scratch, 'hutch'));
    const self = identifyProcess(process.pid) ?? null;
    const startedAt = new Date().toISOString();
    for (let number = 0; number < ENDED + RUNNING; number += 1) {
      const record = recordOf(idOf(number), {
        name: `n${String(number)}`,
        createdAt: new Date(1_767_225_600_000 + number).toISOString(),
      });
      const isRunning = number < RUNNING;
      await storeContainer(
        store,
        record,
        isRunning ? { status: 'running', monitor: self, init: self, startedAt } : { status: 'exited', exitCode: 0 },
      );
    }
  });
  after(() => {
    unwatch();
    fs.rmSync(scratch, { recursive: true });
  });

  it('listContainers() reads the states, and the records of those that run', () => {
    watch();
    const { containers } = listContainers({ all: false, last: null, filters: [] });
    unwatch();
    assert.equal(containers.length, RUNNING);
    assert.deepEqual([count('state.json'), count('container.json')], [ENDED + RUNNING, RUNNING]);
    assert.ok(calls.read.length <= ENDED + 3 * RUNNING + 1, 'beside those one entry of /proc for each that runs');
    assert.equal(calls.listed.length, 1);
    assert.deepEqual(calls.written, [], 'no lock is taken');
  });

  it('listContainers() with all of them reads two files of each, and the newest comes first', () => {
    watch();
    const { containers } = listContainers({ all: true, last: null, filters: [] });
    unwatch();
    assert.equal(containers.length, ENDED + RUNNING);
    assert.equal(containers[0]?.record.name, `n${String(ENDED + RUNNING - 1)}`);
    assert.deepEqual([count('state.json'), count('container.json')], [ENDED + RUNNING, ENDED + RUNNING]);
    assert.deepEqual(calls.written, []);
  });

  it('inspectContainer() reads the files of one container', async () => {
    watch();
    await inspectContainer('n500', { size: false });
    assert.ok(calls.read.length <= 8, calls.read.join('\n'));
    assert.deepEqual([calls.listed, calls.written], [[], []]);
    watch();
    await inspectContainer(idOf(500).slice(0, 12), { size: false });
    unwatch();
    assert.ok(calls.read.length <= 8, calls.read.join('\n'));
    assert.equal(calls.listed.length, 1, 'the beginning of an id costs one more look');
  });

  it('control: a write is seen when there is one', async () => {
    const store = storeIn(path.join(scratch, 'data'), path.join(scratch, 'hutch'));
    watch();
    await storeContainer(store, recordOf(idOf(ENDED + RUNNING)));
    unwatch();
    assert.ok(calls.written.length > 0);
  });
});
