/** Rounds of `hutch run`, while its processes are killed at random moments; for the chaos tests. */
import { describe, it } from 'node:test';
import type { Random } from '../helpers/random-conditions.ts';
import { busyboxSkip } from './busybox-archive.ts';
import { chaos, roundsOf, SEED, type Operation } from './chaos.ts';
import { BUSYBOX, idsSkip, importBusybox, makeSandbox } from './sandbox.ts';

/** Declares the suite `title`, whose runs each have one of the groups of flags in `lives`. */
export async function runUnderFire(title: string, lives: readonly (readonly string[])[]): Promise<void> {
  const skip = (await idsSkip()) || busyboxSkip();
  describe(title, { skip }, () => {
    const box = makeSandbox();

    it(`leaves nothing, whoever is killed (seed ${SEED})`, { timeout: 390_000 }, async () => {
      await importBusybox(box);
      const next = (random: Random, name: string): Operation => runOf(random, name, lives);
      await chaos(box, { rounds: roundsOf(0.25), mustHit: ['launcher', 'cli', 'init', 'holder'], next });
    });
  });
}

function runOf({ pick }: Random, name: string, lives: readonly (readonly string[])[]): Operation {
  const driver = pick([[], [], ['--storage-driver', 'fuse-overlayfs']]);
  const network = pick([
    ['--net', 'none'],
    ['--net', 'slirp4netns'],
  ]);
  return {
    argv: ['run', '--name', name, ...pick(lives), ...driver, ...network, BUSYBOX, 'sleep', '0.1'],
    usualMs: 250,
    victims: ['launcher', 'cli', 'init', 'holder', 'network', 'root', 'payload'],
  };
}
