/** The guess on which an init is forked off: which plans it fits, and whose file is believed. */

import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { guessOf, readGuess, rememberGuess, type Guess } from '../../src/monitor/head-start.ts';
import type { Enter, Plan } from '../../src/plan/step.ts';

const run = mkdtempSync(path.join(tmpdir(), 'hutch-guess-'));
after(() => rmSync(run, { recursive: true }));
const file = path.join(run, 'head-start');

const IDS = [{ containerId: 0, hostId: 1000, count: 1 }];
const GUESS: Guess = {
  userNamespace: { uidMap: IDS, gidMap: IDS, writer: 'newuidmap' },
  hasTime: true,
  hasHelper: false,
};
const FENCED = [{ kind: 'landlock' }] as unknown as Plan['steps'];
const PLAIN = {
  userNamespaces: [GUESS.userNamespace],
  pid: 'private',
  time: { monotonicSeconds: 0, boottimeSeconds: 0 },
} as unknown as Enter;

test('guessOf() knows what plans have in common, and leaves out all that want something else', () => {
  assert.deepEqual(guessOf({ enter: PLAIN, steps: FENCED }, true), GUESS);
  assert.deepEqual(guessOf({ enter: { ...PLAIN, time: null }, steps: FENCED }, true), { ...GUESS, hasTime: false });
  const others: Partial<Enter>[] = [
    { pid: 'host' },
    { time: { monotonicSeconds: 1, boottimeSeconds: 0 } },
    { userNamespaces: [GUESS.userNamespace, GUESS.userNamespace] },
    { userNamespaces: [{ ...GUESS.userNamespace, writer: 'parent' }] },
    { network: 'x' } as unknown as Partial<Enter>,
  ];
  for (const other of others)
    assert.equal(guessOf({ enter: { ...PLAIN, ...other }, steps: FENCED }, true), undefined, JSON.stringify(other));
});

test('guessOf() tells of a helper that is the first thing the plan asks for', () => {
  const waits = (what: string): Plan['steps'] =>
    [{ kind: 'wait_for', what, helper: ['helper'] }] as unknown as Plan['steps'];
  const withSteps = (...steps: Plan['steps'][]): boolean | undefined =>
    guessOf({ enter: PLAIN, steps: [...FENCED, ...steps.flat()] }, true)?.hasHelper;
  assert.equal(withSteps(waits('network')), true);
  assert.equal(withSteps(waits('rootfs'), waits('network')), false);
  assert.equal(withSteps([{ kind: 'join_cgroup' }] as unknown as Plan['steps'], waits('network')), false);
  assert.equal(withSteps(), false);
});

test('guessOf() leaves out all that has no Landlock to keep the payload from executing init', () => {
  assert.equal(guessOf({ enter: PLAIN, steps: FENCED }, false), undefined);
  assert.equal(guessOf({ enter: PLAIN, steps: [] }, true), undefined);
});

test('readGuess() gives what rememberGuess() kept, in a file for its owner alone', () => {
  assert.equal(readGuess(run), undefined);
  rememberGuess(run, GUESS);
  assert.deepEqual(readGuess(run), GUESS);
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('readGuess() believes no link, and nothing that is not JSON', () => {
  renameSync(file, `${file}.elsewhere`);
  symlinkSync(`${file}.elsewhere`, file);
  assert.equal(readGuess(run), undefined);
  rmSync(file);
  writeFileSync(file, '{');
  assert.equal(readGuess(run), undefined);
});
