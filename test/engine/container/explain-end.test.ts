/** Why a container has ended: what no test can bring about on every host. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addedBurden, counterIn, ownControlGroup } from '../../../src/host/burden.ts';
import { explainEnd, type EndFacts } from '../../../src/engine/container/explain-end.ts';
import type { ContainerEvent } from '../../../src/state/events.ts';

function event(action: ContainerEvent['action'], attributes: Record<string, string> = {}): ContainerEvent {
  const time = '2026-01-31T12:00:00.000Z';
  return { time, type: 'container', action, id: 'a', name: 'a', image: 'i', attributes };
}

function explained(
  state: Partial<EndFacts['state']>,
  events: ContainerEvent[],
  endedSession: string | null = null,
): string {
  const whole = { exitCode: 137, signal: 9, reason: null, isStopped: false, oomKilled: false, ...state };
  return explainEnd({ state: whole, events, endedSession }).join('\n');
}

test('explainEnd tells of memory, throttling and the session that ended', () => {
  const die = event('die', { memoryKills: '2', hostMemoryKills: '2', throttledMicroseconds: '1500' });
  const text = explained({}, [event('start'), die], '7');
  assert.match(
    text,
    /^SIGKILL came from .*\n.*login session 7.*\n.*killed 2 process.* control group .*memory.*\n.* for 2 ms$/u,
  );
  assert.match(
    explained({}, [event('start'), event('die', { hostMemoryKills: '1' })]),
    /1 process\(es\) of this host/u,
  );
  assert.doesNotMatch(
    explained({ exitCode: 1, signal: null }, [event('start'), event('die', { hostMemoryKills: '1' })]),
    /memory/u,
    'what happened to others is no reason for an exit code',
  );
});

test('explainEnd names the limits of its own cgroup', () => {
  const oom = event('die', { memoryKills: '1', memoryLimit: '4096', hostMemoryKills: '1' });
  assert.match(
    explained({ oomKilled: true }, [event('start'), oom]),
    /^the kernel killed 1 process\(es\) of it .*: its limit is 4KiB \(--memory\)\nSIGKILL came from/u,
  );
  assert.match(
    explained({ exitCode: 2, signal: null }, [event('start'), event('die', { refusedForks: '3', pidsLimit: '10' })]),
    /3 time\(s\) it could not start a process: it had as many as its limit of 10/u,
  );
});

test('explainEnd goes by the last life alone', () => {
  const events = [
    event('start'),
    event('kill', { signal: '9', by: 'hutch kill a' }),
    event('die'),
    event('start'),
    event('die'),
  ];
  assert.match(explained({}, events), /hutch did not send it/u);
});

test('explainEnd knows crashes and the boot of the host', () => {
  assert.match(explained({ exitCode: 139, signal: 11 }, []), /crashed by SIGSEGV/u);
  assert.match(explained({ reason: 'the host was booted since' }, []), /host went down/u);
});

test('burdens are what has grown', () => {
  const before = { memoryKills: 1, hostMemoryKills: null, throttledMicroseconds: 5 };
  const after = { memoryKills: 3, hostMemoryKills: 9, throttledMicroseconds: 5 };
  assert.deepEqual(addedBurden(before, after), { memoryKills: '2' });
  assert.equal(counterIn('oom 3\noom_kill 4\n', 'oom_kill'), 4);
  assert.equal(counterIn('oom_kill_disable 0\n', 'oom_kill'), null);
  assert.equal(ownControlGroup('9:memory:/a\n0::/user.slice/session-3.scope\n'), '/user.slice/session-3.scope');
  assert.equal(ownControlGroup('9:memory:/a\n'), null);
});
