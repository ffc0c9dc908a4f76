/** What is done to containers that live, while the processes that do it, or that run them, are killed at random moments. */

import { describe, it } from 'node:test';
import type { Random } from '../helpers/random-conditions.ts';
import { busyboxSkip } from './busybox-archive.ts';
import { chaos, roundsOf, SEED, type Operation } from './chaos.ts';
import { BUSYBOX, idsSkip, importBusybox, makeSandbox } from './sandbox.ts';

describe('containers that live, under fire', { skip: (await idsSkip()) || busyboxSkip() }, () => {
  const box = makeSandbox();

  it(`leave nothing, whoever is killed (seed ${SEED})`, { timeout: 390_000 }, async () => {
    await importBusybox(box);
    await chaos(box, { rounds: roundsOf(0.2), mustHit: ['cli', 'init', 'holder'], next });
  });
});

const WAITS = 'trap "exit 0" TERM; while :; do sleep 0.05; done';

function next({ pick }: Random, name: string): Operation {
  const network = pick([
    ['--net', 'none'],
    ['--net', 'none'],
    ['--net', 'slirp4netns'],
  ]);
  const made = ['--name', name, ...network, ...pick([[], ['--restart', 'on-failure:2']]), BUSYBOX, 'sh', '-c', WAITS];
  const running = [['run', '-d', ...made]];
  const victims = ['launcher', 'cli', 'cli', 'init', 'holder', 'network', 'payload'] as const;
  return pick<Operation>([
    { argv: ['create', ...made], usualMs: 120, victims },
    { before: [['create', ...made]], argv: ['start', name], usualMs: 250, victims },
    { before: running, argv: ['stop', '-t', '1', name], usualMs: 150, victims },
    { before: running, argv: ['restart', '-t', '1', name], usualMs: 400, victims },
    { before: running, argv: ['kill', name], usualMs: 100, victims },
    { before: running, argv: ['rm', '-f', name], usualMs: 150, victims },
  ]);
}
