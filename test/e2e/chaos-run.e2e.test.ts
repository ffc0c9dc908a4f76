/** `hutch run` in the foreground, while its processes are killed at random moments. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { busyboxSkip } from './busybox-archive.ts';
import { chaos, roundsOf, SEED, type Operation } from './chaos.ts';
import { BUSYBOX, idsSkip, importBusybox, makeSandbox } from './sandbox.ts';
import type { Random } from '../helpers/random-conditions.ts';

describe('hutch run in the foreground, under fire', { skip: (await idsSkip()) || busyboxSkip() }, () => {
  const box = makeSandbox();

  it(`leaves nothing, whoever is killed (seed ${SEED})`, { timeout: 390_000 }, async () => {
    await importBusybox(box);
    const { hits } = await chaos(box, { rounds: roundsOf(0.25), next });
    for (const victim of ['launcher', 'cli', 'init', 'holder'])
      assert.ok((hits.get(victim) ?? 0) > 0, `control: ${victim} was hit`);
  });
});

function next({ pick }: Random, name: string): Operation {
  const driver = pick([[], [], ['--storage-driver', 'fuse-overlayfs']]);
  const network = pick([
    ['--net', 'none'],
    ['--net', 'slirp4netns'],
  ]);
  const life = pick([['--rm'], []]);
  return {
    argv: ['run', '--name', name, ...life, ...driver, ...network, BUSYBOX, 'sleep', '0.1'],
    usualMs: 250,
    victims: ['launcher', 'cli', 'init', 'holder', 'network', 'root', 'payload'],
  };
}
