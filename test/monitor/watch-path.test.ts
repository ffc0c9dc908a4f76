/** Each way in which a host changes its resolv.conf is heard of. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PathWatch } from '../../src/monitor/watch-path.ts';

let directory = '';
let watch: PathWatch | undefined;
let heard = 0;
const place = (name: string): string => path.join(directory, name);
const write = (name: string, text: string): void => {
  writeFileSync(place(name), text);
};
const start = (): void => {
  watch = new PathWatch(place('etc/resolv.conf'), () => (heard += 1));
};

/** What is done is heard of sooner than anybody would look. */
async function hears(what: () => void): Promise<void> {
  const before = heard;
  what();
  for (let turn = 0; heard === before; turn += 1) {
    assert.ok(turn < 200, 'nothing is heard');
    await sleep(10);
  }
}

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'hutch-watch-'));
  for (const name of ['etc', 'run/resolve', 'run/other']) mkdirSync(place(name), { recursive: true });
  heard = 0;
});
afterEach(() => {
  watch?.[Symbol.dispose]();
  rmSync(directory, { recursive: true });
});

test('PathWatch hears of a file that is written, replaced, removed, and made again', async () => {
  write('etc/resolv.conf', 'a');
  start();
  await hears(() => write('etc/resolv.conf', 'b'));
  write('etc/new', 'c');
  await hears(() => renameSync(place('etc/new'), place('etc/resolv.conf')));
  await hears(() => write('etc/resolv.conf', 'd'));
  await hears(() => unlinkSync(place('etc/resolv.conf')));
  await hears(() => write('etc/resolv.conf', 'e'));
});

test('PathWatch hears of what a link leads to, of links to links, and of another link in its place', async () => {
  write('run/resolve/stub.conf', 'a');
  write('run/other/resolv.conf', 'b');
  symlinkSync('resolve/stub.conf', place('run/middle'));
  symlinkSync('../run/middle', place('etc/resolv.conf'));
  start();
  await hears(() => write('run/resolve/stub.conf', 'c'));
  write('run/resolve/new', 'd');
  await hears(() => renameSync(place('run/resolve/new'), place('run/resolve/stub.conf')));
  symlinkSync('other/resolv.conf', place('run/new'));
  await hears(() => renameSync(place('run/new'), place('run/middle')));
  await hears(() => write('run/other/resolv.conf', 'e'));
  await hears(() => unlinkSync(place('etc/resolv.conf')));
  await hears(() => symlinkSync('../run/resolve/stub.conf', place('etc/resolv.conf')));
  await hears(() => write('run/resolve/stub.conf', 'f'));
});

test('PathWatch hears of a directory that goes with its service, and comes again', async () => {
  write('run/resolve/stub.conf', 'a');
  symlinkSync('../run/resolve/stub.conf', place('etc/resolv.conf'));
  start();
  await hears(() => rmSync(place('run'), { recursive: true }));
  await hears(() => mkdirSync(place('run/resolve'), { recursive: true }));
  await hears(() => write('run/resolve/stub.conf', 'b'));
});

test('PathWatch leaves alone what happens beside it, and what happens afterwards', async () => {
  write('etc/resolv.conf', 'a');
  start();
  write('etc/hosts', 'b');
  await sleep(300);
  assert.equal(heard, 0);
  await hears(() => write('etc/resolv.conf', 'b'));
  watch?.[Symbol.dispose]();
  const before = heard;
  write('etc/resolv.conf', 'c');
  await sleep(300);
  assert.equal(heard, before);
});
