/** Programs and files that go into containers and out of them, while processes on either side are killed at random moments. */

import { describe, it } from 'node:test';
import type { Random } from '../helpers/random-conditions.ts';
import { busyboxSkip } from './busybox-archive.ts';
import { chaos, roundsOf, SEED, type Operation } from './chaos.ts';
import { BUSYBOX, idsSkip, importBusybox, makeSandbox } from './sandbox.ts';

const WAITS = 'trap "exit 0" TERM; while :; do sleep 0.05; done';

describe('exec and cp under fire', { skip: (await idsSkip()) || busyboxSkip() }, () => {
  const box = makeSandbox();
  const file = box.file('file', 'content\n'.repeat(100_000));
  const copied = `${box.directory}/copied`;

  it(`leave nothing, whoever is killed (seed ${SEED})`, { timeout: 390_000 }, async () => {
    await importBusybox(box);
    await chaos(box, { rounds: roundsOf(0.1), mustHit: ['cli', 'init', 'payload'], next });
  });

  function next({ pick }: Random, name: string): Operation {
    const before = [['run', '-d', '--net', 'none', '--name', name, BUSYBOX, 'sh', '-c', WAITS]];
    // Those that are there for a moment only are tried for more often.
    const victims = ['cli', 'init', 'init', 'holder', 'payload'] as const;
    const copying = ['cli', 'program', 'program', 'holder', 'payload'] as const;
    return pick<Operation>([
      { before, argv: ['exec', name, 'sleep', '0.1'], usualMs: 250, victims },
      { before, argv: ['exec', '-i', name, 'cat'], usualMs: 150, victims },
      { before, argv: ['exec', '-d', name, 'sleep', '0.1'], usualMs: 150, victims },
      { before, argv: ['cp', file, `${name}:/file`], usualMs: 200, victims: copying },
      { before, argv: ['cp', `${name}:/bin`, copied], usualMs: 200, victims: copying },
    ]);
  }
});
