import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { changedNetwork } from '../../src/monitor/state-keeper.ts';

const NOW = '2026-01-31T10:00:00.000Z';
const LATER = '2026-01-31T10:00:09.000Z';
const up = changedNetwork(null, { to: 'connected', pid: 7 }, NOW);
const down = changedNetwork(up, { to: 'down', helper: 'pasta', reason: 'it was ended by SIGKILL' }, NOW);

describe('changedNetwork()', () => {
  it('begins with a network that was never down', () => {
    assert.deepEqual(up, { status: 'up', restarts: 0, restartedAt: null, lostAt: null, reason: null });
  });

  it('counts restarts and keeps why the last one was necessary', () => {
    const back = changedNetwork(down, { to: 'up', helper: 'pasta', pid: 8, attempts: 1 }, LATER);
    const reason = 'it was ended by SIGKILL';
    assert.deepEqual(back, { status: 'up', restarts: 1, restartedAt: LATER, lostAt: null, reason });
    const again = changedNetwork(back, { to: 'down', helper: 'pasta', reason: 'code 1' }, LATER);
    assert.deepEqual([again.status, again.restarts, again.reason], ['down', 1, 'code 1']);
  });

  it('says since when a lost network is down, and why it could not be had again', () => {
    const lost = changedNetwork(down, { to: 'lost', helper: 'pasta', reason: 'no device' }, LATER);
    assert.deepEqual(lost, { status: 'lost', restarts: 0, restartedAt: null, lostAt: NOW, reason: 'no device' });
  });
});
