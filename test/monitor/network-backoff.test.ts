import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NetworkBackoff, pauseBeforeTry } from '../../src/monitor/network-backoff.ts';

const always = (): boolean => true;
const fails = (): Promise<never> => Promise.reject(new Error('no such device'));

describe('pauseBeforeTry()', () => {
  it('is nothing at first, doubles, and ends', () => {
    const pauses = [0, 1, 2, 3, 4, 5, 6].map(pauseBeforeTry);
    assert.deepEqual(pauses, [0, 100, 200, 400, 800, 1600, null]);
  });
});

describe('NetworkBackoff.bringBack()', () => {
  it('tries again what has failed, and tells how often', async () => {
    let calls = 0;
    const tried = await new NetworkBackoff().bringBack('killed', always, () => {
      calls += 1;
      return calls < 3 ? fails() : Promise.resolve('up');
    });
    assert.deepEqual(tried, { is: 'back', with: 'up', attempts: 3 });
  });

  it('counts a helper that dies soon after its start as another try, and gives up with the last reason', async () => {
    const backoff = new NetworkBackoff();
    for (let death = 0; death < 4; death += 1)
      assert.equal((await backoff.bringBack('killed', always, () => Promise.resolve(1))).is, 'back');
    assert.deepEqual(await backoff.bringBack('killed', always, fails), { is: 'lost', reason: 'no such device' });
  });

  it('gives up a pause when it is ended, and says nothing of it where nobody needs it any more', async () => {
    const backoff = new NetworkBackoff();
    let isNeeded = true;
    const tried = backoff.bringBack('killed', () => isNeeded, fails);
    await new Promise((resolve) => setImmediate(resolve));
    isNeeded = false;
    backoff.end();
    assert.deepEqual(await tried, { is: 'over' });
  });

  it('tries nothing that nobody needs', async () => {
    const never = (): Promise<never> => assert.fail('tried');
    assert.deepEqual(await new NetworkBackoff().bringBack('killed', () => false, never), { is: 'over' });
  });
});
