import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NetworkBackoff, pauseBeforeTry } from '../../src/monitor/network-backoff.ts';

describe('pauseBeforeTry()', () => {
  it('is nothing at first, doubles, and ends', () => {
    const pauses = [0, 1, 2, 3, 4, 5, 6].map(pauseBeforeTry);
    assert.deepEqual(pauses, [0, 100, 200, 400, 800, 1600, null]);
  });
});

describe('NetworkBackoff', () => {
  it('counts a helper that dies soon after its start as another try', async () => {
    const backoff = new NetworkBackoff();
    const answers: boolean[] = [];
    for (let tries = 0; tries < 3; tries += 1) {
      answers.push(await backoff.next());
      backoff.started();
    }
    assert.deepEqual(answers, [true, true, true]);
    backoff.end();
    assert.equal(await backoff.next(), false);
  });

  it('gives up a pause when it is ended', async () => {
    const backoff = new NetworkBackoff();
    for (let tries = 0; tries < 2; tries += 1) await backoff.next();
    const last = backoff.next();
    backoff.end();
    assert.equal(await last, false);
  });
});
