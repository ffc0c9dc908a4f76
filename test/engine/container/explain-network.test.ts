import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explainNetwork } from '../../../src/engine/container/explain-network.ts';

const TIME = '2026-01-31T10:00:00.000Z';
const UP = { status: 'up', restarts: 0, restartedAt: null, lostAt: null, reason: null } as const;

describe('explainNetwork()', () => {
  it('says nothing of a network that was never down, or that no helper carries', () => {
    assert.deepEqual(explainNetwork(null), []);
    assert.deepEqual(explainNetwork(UP), []);
  });

  it('counts restarts and says what the last one was for', () => {
    const [text = ''] = explainNetwork({ ...UP, restarts: 2, restartedAt: TIME, reason: 'it was ended by SIGKILL' });
    assert.match(text, /^its helper was started again 2 time\(s\), last at 2026-.*: it was ended by SIGKILL; /u);
  });

  it('says first that a network is lost, since when and why', () => {
    const [lost, counted] = explainNetwork({
      status: 'lost',
      restarts: 1,
      restartedAt: TIME,
      lostAt: TIME,
      reason: 'x',
    });
    assert.equal(lost, `network lost since ${TIME}: x`);
    assert.match(counted ?? '', /^its helper was started again 1 time\(s\), last at \S+; /u);
    const [down] = explainNetwork({ ...UP, status: 'down', lostAt: TIME, reason: 'x' });
    assert.match(down ?? '', /^down since .* is being started again: x$/u);
  });
});
