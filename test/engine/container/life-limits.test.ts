/** What a detached container's life depends on, for hosts of all kinds. */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { lifeLimit } from '../../../src/engine/container/life-limits.ts';
import { tellLifeLimit } from '../../../src/engine/container/tell-life-limit.ts';
import { readSession, type SessionFacts } from '../../../src/host/session.ts';
import { storeAt } from './requests.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'hutch-session-'));
after(() => rmSync(scratch, { recursive: true }));

const FACTS: SessionFacts = {
  uid: 1000,
  hasSystemd: true,
  session: null,
  isInUserManager: false,
  lingers: false,
  killsProcesses: false,
};
const RUN = '/run/user/1000/hutch';
const limitOf = (facts: Partial<SessionFacts>, run = RUN): string | null => lifeLimit({ ...FACTS, ...facts }, run);

test('lifeLimit: the session, the manager, the runtime directory, or nothing', () => {
  assert.match(
    limitOf({ session: '3', killsProcesses: true }) ?? '',
    /^the container ends with login session 3: .*systemd-run --user.*enable-linger/u,
  );
  assert.match(limitOf({ session: '3', killsProcesses: null }) ?? '', /^the container may end with login session 3/u);
  assert.doesNotMatch(limitOf({ session: '3', killsProcesses: true, lingers: true }) ?? '', /enable-linger/u);
  assert.match(limitOf({ isInUserManager: true }) ?? '', /^the container ends when you have logged out everywhere/u);
  assert.equal(limitOf({ session: '3' }), null, 'what is left of a session keeps the runtime directory');
  assert.match(limitOf({}) ?? '', /\/run\/user\/1000\/hutch goes/u, 'su, or ssh without logind');
  assert.equal(limitOf({}, '/tmp/hutch-1000'), null);
  assert.equal(limitOf({ isInUserManager: true, lingers: true }), null);
  assert.equal(limitOf({ session: '3', lingers: true }), null);
  assert.equal(limitOf({ hasSystemd: false }), null);
  assert.equal(limitOf({ uid: 0, session: '3', killsProcesses: true }), null);
});

test('tellLifeLimit tells each login once', () => {
  const store = { ...storeAt(scratch), run: path.join(scratch, 'run') };
  mkdirSync(store.run);
  const told: string[] = [];
  const tell = (text: string): void => void told.push(text);
  const facts = { ...FACTS, session: '3', killsProcesses: true };
  tellLifeLimit(store, tell, { facts });
  tellLifeLimit(store, tell, { facts });
  assert.equal(told.length, 1);
  tellLifeLimit(store, tell, { facts: { ...facts, session: '4' } });
  assert.equal(told.length, 2);
  tellLifeLimit(store, tell, { facts: { ...facts, session: '5', killsProcesses: false, lingers: true } });
  assert.equal(told.length, 2, 'nothing to tell');
  tellLifeLimit(store, tell, { facts: { ...facts, session: '6' }, isInScope: true });
  assert.match(told[2] ?? '', /ends when you have logged out everywhere/u, 'its scope belongs to the manager');
});

test('readSession reads session, manager, linger and logind of a host', () => {
  const write = (name: string, text: string): void => {
    mkdirSync(path.dirname(path.join(scratch, name)), { recursive: true });
    writeFileSync(path.join(scratch, name), text);
  };
  const empty = {
    uid: 7,
    hasSystemd: false,
    session: null,
    isInUserManager: false,
    lingers: false,
    killsProcesses: null,
  };
  assert.deepEqual(readSession(scratch, 7), empty);
  write('proc/self/cgroup', '0::/user.slice/user-7.slice/session-c12.scope\n');
  write('etc/systemd/logind.conf', '[Login]\n#KillUserProcesses=no\n');
  write('run/systemd/system/x', '');
  assert.deepEqual(readSession(scratch, 7), { ...empty, hasSystemd: true, session: 'c12', killsProcesses: false });
  write('etc/systemd/logind.conf.d/10-kill.conf', '[Login]\nKillUserProcesses=yes\n');
  write('proc/self/cgroup', '1:name=systemd:/user.slice/user-7.slice/user@7.service/app.slice/a.scope\n0::/\n');
  write(`var/lib/systemd/linger/${userInfo().username}`, '');
  const facts = readSession(scratch, 7);
  assert.deepEqual(
    [facts.isInUserManager, facts.session, facts.killsProcesses, facts.lingers],
    [true, null, true, true],
  );
  assert.equal(readSession(scratch, 8).isInUserManager, false, 'the manager of somebody else');
});
