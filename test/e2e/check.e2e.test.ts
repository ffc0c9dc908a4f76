/** `hutch check`: each kind of damage is made on purpose, found, mended and not found again; what is at work is no damage. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  lstatSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { afterEach, before, describe, it } from 'node:test';
import { bootId, identifyProcess, type ProcessIdentity } from '../../src/host/process-identity.ts';
import { idOf, recordOf, storeContainer, storeIn } from '../helpers/stored-containers.ts';
import type { Store } from '../../src/state/store.ts';
import { busyboxSkip } from './busybox-archive.ts';
import { descendants } from './processes.ts';
import { BUSYBOX, hostSkip, importBusybox, makeSandbox, printed } from './sandbox.ts';

const skip = hostSkip() || busyboxSkip();

/** No process has it: pids end far below. */
const FREE_PID = 4_194_305;
const dead = (): ProcessIdentity => ({ bootId: bootId(), pid: FREE_PID, startTime: '1' });
const isThere = (place: string): boolean => lstatSync(place, { throwIfNoEntry: false }) !== undefined;
const LONG_AGO = new Date(Date.now() - 7_200_000);

interface Found {
  readonly kind: string;
  readonly place: string;
  readonly text: string;
  readonly outcome: string;
}

describe('hutch check', { skip }, () => {
  const box = makeSandbox();
  let store: Store;
  const check = async (code: number, ...flags: readonly string[]): Promise<readonly Found[]> =>
    JSON.parse(printed(await box.hutch(['check', '--json', ...flags]), code)) as Found[];
  const touch = (file: string, content = ''): string => {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, content);
    return file;
  };
  const old = (file: string): string => {
    utimesSync(file, LONG_AGO, LONG_AGO);
    return file;
  };
  const directoryOf = (id: string): string => path.join(box.data, 'containers', id);
  const running = (id: string): string => path.join(box.run, 'running', id);
  const stored = (number: number, ...rest: readonly object[]): Promise<void> =>
    storeContainer(store, recordOf(idOf(number), { name: `c${String(number)}`, ...rest[0] }), rest[1]);

  before(async () => {
    await importBusybox(box);
    store = storeIn(box.data, box.run);
    printed(await box.hutch(['create', '--name', 'sound', '--net', 'none', BUSYBOX, 'true']));
  });
  afterEach(async () => {
    assert.deepEqual(await check(0), [], 'nothing is left for the next test');
    assert.equal(printed(await box.hutch(['ps', '-a', '-f', 'name=sound', '--format', '{{.Names}}'])), 'sound\n');
  });

  /** What makes the damage gives the place that must be gone afterwards, or null when something else must hold. */
  const damages: readonly (readonly [string, string, RegExp, () => string | null | Promise<string | null>])[] = [
    [
      'a half-written file',
      'temporary',
      /not written to its end/u,
      () => touch(path.join(box.data, `x.json.${String(FREE_PID)}.tmp`)),
    ],
    [
      'a half-written record of a container',
      'temporary',
      /not written to its end/u,
      async () => {
        await stored(1);
        return touch(path.join(directoryOf(idOf(1)), `state.json.${String(FREE_PID)}.tmp`));
      },
    ],
    [
      'a half-written file of a pid that another process has now',
      'temporary',
      /not written to its end/u,
      () => old(touch(path.join(box.data, 'images', `index.json.${String(process.pid)}.tmp`))),
    ],
    ['the draft of a claim', 'temporary', /claim/u, () => touch(path.join(box.run, `claim.${String(FREE_PID)}`))],
    [
      'a half-written record of a network',
      'temporary',
      /not written to its end/u,
      () => touch(path.join(box.data, `networks/web.json.${String(FREE_PID)}.tmp`)),
    ],
    [
      'a lock that nobody has touched for long',
      'lock',
      /whose holder is dead/u,
      () => {
        const lock = path.join(box.data, 'containers.lock');
        symlinkSync('somebody', lock);
        const longAgo = new Date(Date.now() - 11_000);
        lutimesSync(lock, longAgo, longAgo);
        return lock;
      },
    ],
    [
      'the lock of a dead process',
      'lock',
      /whose holder is dead/u,
      () => {
        const lock = path.join(box.data, 'names.lock');
        const { pid, startTime, bootId } = dead();
        const namespace = readlinkSync('/proc/self/ns/pid').replace(/\D/gu, '');
        symlinkSync(`${String(pid)} ${startTime} ${namespace} ${bootId} x`, lock);
        return lock;
      },
    ],
    [
      'the directory of a container without a record',
      'container',
      /no record/u,
      () => path.dirname(touch(path.join(directoryOf(idOf(2)), 'upper/file'))),
    ],
    [
      'a container that was being made',
      'container',
      /"c3" was being made/u,
      async () => {
        await stored(3);
        rmSync(path.join(directoryOf(idOf(3)), 'plan.json'));
        touch(running(idOf(3)), JSON.stringify(dead()));
        return directoryOf(idOf(3));
      },
    ],
    [
      'a container that was being removed',
      'container',
      /"c4" was being removed/u,
      async () => {
        await stored(4, {}, { status: 'removing' });
        return directoryOf(idOf(4));
      },
    ],
    [
      'a container with --rm whose monitor is dead',
      'container',
      /"c5" should have gone/u,
      async () => {
        await stored(5, { removeAtExit: true }, { status: 'running', monitor: dead() });
        return directoryOf(idOf(5));
      },
    ],
    [
      'a container that is running on record alone',
      'container',
      /"c6" is running on record, but its monitor is dead/u,
      async () => {
        await stored(6, {}, { status: 'running', monitor: dead(), startedAt: new Date().toISOString() });
        touch(running(idOf(6)), JSON.stringify(dead()));
        return running(idOf(6));
      },
    ],
    [
      'an entry of the running list without a container',
      'running-entry',
      /that process is dead/u,
      () => touch(running(idOf(7)), JSON.stringify(dead())),
    ],
    [
      'a name that points nowhere',
      'name',
      /"ghost" belongs to a container that is gone/u,
      () => touch(path.join(box.data, 'names/ghost'), idOf(8)),
    ],
    [
      'a name that holds no id',
      'name',
      /which is no container id/u,
      () => touch(path.join(box.data, 'names/odd'), '../../etc'),
    ],
    [
      'the name that a container had before it was renamed',
      'name',
      /"before" belongs to a container that is called "c9" now/u,
      async () => {
        await stored(9);
        return touch(path.join(box.data, 'names/before'), idOf(9));
      },
    ],
    [
      'a container whose name is on record for nobody',
      'name',
      /called "c10", but that name is on record for nobody/u,
      async () => {
        await stored(10);
        rmSync(path.join(box.data, 'names/c10'));
        return null;
      },
    ],
    [
      'the socket of a dead monitor',
      'socket',
      /socket of a monitor that is dead/u,
      async () => {
        const socket = path.join(box.run, 'monitors', idOf(11).slice(0, 24));
        mkdirSync(path.dirname(socket), { recursive: true, mode: 0o700 });
        // A process that is killed leaves the socket, one that closes it does not.
        const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
        assert.equal(spawnSync(process.execPath, ['-e', script, socket]).signal, 'SIGKILL');
        return Promise.resolve(socket);
      },
    ],
    [
      'half an image',
      'staging',
      /whoever made it is dead/u,
      () => {
        const place = path.join(box.data, 'staging', ['image', FREE_PID, 1, bootId(), 'abcd'].join('_'));
        touch(path.join(place, 'record'));
        return place;
      },
    ],
    [
      'the trial of a storage driver',
      'staging',
      /trial of a storage driver/u,
      () => old(path.dirname(touch(path.join(box.data, 'staging/.hutch-probe-x/lower')))),
    ],
    [
      'half a pull',
      'download',
      /broken-off pull/u,
      () => touch(path.join(box.data, 'staging/downloads', `sha256-${'a'.repeat(64)}.part`), 'half'),
    ],
    [
      'a layer without an image',
      'layer',
      /no image and no container needs/u,
      () => path.dirname(touch(path.join(box.data, 'layers', `sha256-${'b'.repeat(64)}`, 'layer.json'), '{}')),
    ],
    [
      'a blob that nothing names',
      'blob',
      /no image names/u,
      () => old(touch(path.join(box.data, 'images/blobs/sha256', 'c'.repeat(64)), 'blob')),
    ],
  ];
  for (const [title, kind, text, damage] of damages) {
    it(`finds ${title}, mends it with --repair, and does not find it again`, async () => {
      const place = await damage();
      const found = await check(1);
      assert.deepEqual(
        found.map((one) => one.kind),
        [kind],
        JSON.stringify(found),
      );
      assert.match(found[0]?.text ?? '', text);
      if (place !== null) assert.ok(isThere(place), 'a check without --repair changes nothing');
      const mended = await check(0, '--repair');
      assert.deepEqual(mended, [{ ...found[0], outcome: 'mended' }]);
      if (place !== null) assert.ok(!isThere(place));
    });
  }

  it('keeps what a container was when it records the end of its monitor', () => {
    const state = JSON.parse(readFileSync(path.join(directoryOf(idOf(6)), 'state.json'), 'utf8')) as object;
    assert.partialDeepStrictEqual(state, { status: 'exited', exitCode: 137, reason: 'its monitor was killed' });
  });

  it('says what only the user can mend, and goes on saying it', async () => {
    await stored(20);
    const record = path.join(directoryOf(idOf(20)), 'container.json');
    const whole = readFileSync(record);
    writeFileSync(record, '{"id"');
    for (const [flags, outcome] of [[[], 'open'] as const, [['--repair'], 'kept'] as const]) {
      assert.deepEqual(
        (await check(1, ...flags)).map((one) => [one.kind, one.outcome]),
        [['damage', outcome]],
      );
    }
    writeFileSync(record, whole);
  });

  it('prints for people what it found, and that nothing is left', async () => {
    assert.equal(printed(await box.hutch(['check'])), 'Nothing is left over.\n');
    touch(path.join(box.data, 'names/ghost'), idOf(8));
    assert.match(
      printed(await box.hutch(['check']), 1),
      /^found {3}name: the name "ghost" [^\n]+\n {8}\/\S+\/names\/ghost\n\n1 found; hutch check --repair mends\.\n$/u,
    );
    assert.match(printed(await box.hutch(['check', '--repair'])), /^mended {2}name: /u);
  });

  it('takes nothing for left over that somebody living is at', async () => {
    const self = identifyProcess(process.pid);
    assert.ok(self !== undefined);
    const halfMade = directoryOf(idOf(30));
    touch(path.join(halfMade, 'upper/file'));
    touch(running(idOf(30)), JSON.stringify(self));
    const fresh = touch(path.join(box.data, `x.json.${String(process.pid)}.tmp`));
    const lock = path.join(box.data, 'names.lock');
    symlinkSync('somebody', lock);
    const staging = path.join(box.data, 'staging', ['image', self.pid, self.startTime, self.bootId, 'abcd'].join('_'));
    mkdirSync(staging);
    const part = touch(path.join(box.data, 'staging/downloads', `sha256-${'a'.repeat(64)}.part`), 'half');
    const socket = path.join(box.run, 'monitors', idOf(30).slice(0, 24));
    const server = createServer((client) => client.end());
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    assert.deepEqual(await check(0, '--repair'), []);
    for (const place of [halfMade, fresh, lock, staging, part, socket]) assert.ok(isThere(place), place);
    await new Promise((resolve) => server.close(resolve));
    for (const place of [halfMade, running(idOf(30)), fresh, lock, staging, part]) rmSync(place, { recursive: true });
  });

  it('finds nothing beside containers that are made, run, end and go meanwhile', async () => {
    const lives = Array.from({ length: 4 }, async (_, number) => {
      for (let round = 0; round < 3; round += 1) {
        printed(await box.hutch(['run', '--rm', '--name', `r${String(number)}`, '--net', 'none', BUSYBOX, 'true']));
      }
    });
    const work = { isOver: false };
    const all = Promise.all(lives).finally(() => (work.isOver = true));
    let checks = 0;
    for (; !work.isOver; checks += 1) assert.deepEqual(await check(0, '--repair'), []);
    await all;
    assert.ok(checks > 1);
    assert.deepEqual(descendants(), []);
  });
});
