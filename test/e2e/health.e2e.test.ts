/** Health checks of running containers. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { remaining } from './processes.ts';
import { assertRefused, hostSkip, makeSandbox, printed } from './sandbox.ts';

interface SeenHealth {
  readonly status: string;
  readonly failingStreak: number;
  readonly log: readonly { readonly exitCode: number; readonly output: string }[];
}

describe('a health check', { skip: hostSkip() }, () => {
  const box = makeSandbox();
  const detach = async (name: string, ...flags: readonly string[]): Promise<string> =>
    printed(await box.hutch(['run', '-d', '--name', name, '--net', 'none', ...flags, 'host', 'sleep', '1000'])).trim();
  const healthOf = (id: string): SeenHealth | undefined =>
    (JSON.parse(readFileSync(path.join(box.data, 'containers', id, 'state.json'), 'utf8')) as { health?: SeenHealth })
      .health;
  const turned = async (id: string, status: string): Promise<SeenHealth> => {
    for (let tries = 0; tries < 400; tries += 1) {
      const health = healthOf(id);
      if (health?.status === status) return health;
      await sleep(50);
    }
    assert.fail(`${id} did not become ${status}: ${JSON.stringify(healthOf(id))}`);
  };
  /** Of the one container that runs. */
  const status = async (): Promise<string> => printed(await box.hutch(['ps', '--format', '{{.Status}}']));

  it('runs in the container, and its turns are seen in ps, on record and as events', async () => {
    const id = await detach(
      'web',
      '--health-cmd',
      'echo looked; test -e /tmp/well',
      '--health-interval',
      '200ms',
      '--health-retries',
      '2',
    );
    assert.match(await status(), /^Up .* \((?:health: starting|unhealthy)\)\n$/u);
    const bad = await turned(id, 'unhealthy');
    assert.ok(bad.failingStreak >= 2);
    assert.deepEqual([bad.log[0]?.exitCode, bad.log[0]?.output], [1, 'looked\n']);
    assert.match(await status(), /^Up .* \(unhealthy\)\n$/u);
    printed(await box.hutch(['exec', 'web', 'touch', '/tmp/well']));
    assert.equal((await turned(id, 'healthy')).failingStreak, 0);
    assert.match(await status(), /^Up .* \(healthy\)\n$/u);
    const events = printed(
      await box.hutch([
        'events',
        '--stream=false',
        '-f',
        'event=health_status',
        '--format',
        '{{.Actor.Attributes.health}}',
      ]),
    );
    assert.equal(events, 'starting\nunhealthy\nhealthy\n');
    printed(await box.hutch(['stop', '-t', '0', 'web']));
    assert.doesNotMatch(printed(await box.hutch(['ps', '-a', '--format', '{{.Status}}'])), /healthy/u);
    assert.match(printed(await box.hutch(['why', 'web'])), /health +healthy/u);
    printed(await box.hutch(['rm', 'web']));
    assert.equal(await remaining(), '');
  });

  it('that takes too long has failed, and leaves nothing behind', async () => {
    const id = await detach(
      'slow',
      '--health-cmd',
      'sleep 1000',
      '--health-interval',
      '100ms',
      '--health-timeout',
      '1s',
      '--health-retries',
      '1',
    );
    const { log } = await turned(id, 'unhealthy');
    assert.deepEqual([log[0]?.exitCode, log[0]?.output], [-1, 'took longer than 1 s; ']);
    printed(await box.hutch(['rm', '-f', 'slow']));
    assert.equal(await remaining(), '');
  });

  it('is refused when it cannot be meant', async () => {
    assertRefused(
      await box.hutch(['run', '--rm', '--health-cmd', 'true', '--health-retries', 'x', 'host', 'true']),
      /invalid value "x" for --health-retries/u,
    );
  });
});
