/** The process that stays in a login session: when it is of use, and that it ends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from '../../src/host/process-identity.ts';
import type { SessionFacts } from '../../src/host/session.ts';
import { anchorSession, isWorthAnchoring } from '../../src/monitor/session-anchor.ts';

const FACTS: SessionFacts = {
  uid: 1000,
  hasSystemd: true,
  session: '3',
  isInUserManager: false,
  lingers: false,
  killsProcesses: false,
};

test('isWorthAnchoring() is true only where a process would keep the session', () => {
  assert.equal(isWorthAnchoring(FACTS), true);
  const of = (changes: Partial<SessionFacts>): boolean => isWorthAnchoring({ ...FACTS, ...changes });
  assert.deepEqual(
    [{ uid: 0 }, { session: null }, { lingers: true }, { killsProcesses: true }, { killsProcesses: null }].map(of),
    [false, false, false, false, false],
  );
});

test('anchorSession() starts a process that ends when it is disposed of', async () => {
  assert.equal(anchorSession({ ...FACTS, lingers: true }), null);
  const anchor = anchorSession(FACTS);
  assert.ok(anchor !== null && isAlive(anchor.identity));
  anchor[Symbol.dispose]();
  for (let round = 0; isAlive(anchor.identity) && round < 500; round += 1) await sleep(10);
  assert.equal(isAlive(anchor.identity), false);
});
