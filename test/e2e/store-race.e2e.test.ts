/** Six workers at one store at once, who import, load, tag, remove, prune and collect: nobody fails, and what is left is whole. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ociArchive } from '../helpers/image-archive.ts';
import { randomness } from '../helpers/random-conditions.ts';
import { makeImage } from '../helpers/sample-image.ts';
import { buildTar } from '../helpers/tar-builder.ts';
import { busyboxArchive, busyboxSkip } from './busybox-archive.ts';
import { idsSkip, makeSandbox, printed, type Outcome } from './sandbox.ts';

const WORKERS = 6;
/** HUTCH_TEST_SEED repeats a race's choices, if not its timing. */
const SEED = Number(process.env['HUTCH_TEST_SEED'] ?? '') || 20_240;
const RACE_MS = Number(process.env['HUTCH_TEST_RACE_MS'] ?? '') || 10_000;

describe('one store', { skip: (await idsSkip()) || busyboxSkip() }, () => {
  const box = makeSandbox();
  const names = ['red:1', 'green:1', 'blue:1', 'plain:1', 'plain:2'];
  const marks = ['red', 'green', 'blue'];
  // The images share their lowest layer, so each removal is about something that others may need.
  const archives = marks.map((mark) => {
    const layers = [busyboxArchive(), buildTar([{ name: 'mark', content: mark }])];
    return box.file(`${mark}.tar`, ociArchive(makeImage({ layers }), `${mark}:1`));
  });
  const root = box.file('root.tar', busyboxArchive([{ name: 'mark', content: 'plain' }]));

  it(`stays whole while ${WORKERS} processes work on it (seed ${SEED})`, { timeout: 100_000 }, async () => {
    const counts = new Map<string, number>();
    const failures: string[] = [];
    const end = Date.now() + RACE_MS;
    const worker = async (number: number): Promise<void> => {
      const { pick } = randomness(SEED + number, []);
      const actions: readonly (() => readonly string[])[] = [
        () => ['image', 'import', '-q', root, pick(['plain:1', 'plain:2'])],
        () => ['load', '-i', pick(archives)],
        () => ['load', '-i', pick(archives)],
        () => ['rmi', pick(names)],
        () => ['rmi', pick(names)],
        () => ['tag', pick(names), pick(names)],
        () => ['gc', ...pick([[], ['--all']])],
        () => ['image', 'prune', '-f', ...pick([[], ['-a']])],
        () => ['images'],
      ];
      while (Date.now() < end) {
        const argv = pick(actions)();
        const outcome = await box.hutch(argv);
        const [verb = ''] = argv[0] === 'image' ? argv.slice(1) : argv;
        counts.set(verb, (counts.get(verb) ?? 0) + 1);
        if (!isGood(verb, outcome)) failures.push(`hutch ${argv.join(' ')}: ${JSON.stringify(outcome)}`);
      }
    };
    await Promise.all(Array.from({ length: WORKERS }, (_, number) => worker(number + 1)));
    assert.deepEqual(failures, []);
    for (const verb of ['import', 'load', 'rmi', 'tag', 'gc', 'prune', 'images'])
      assert.ok((counts.get(verb) ?? 0) > 0, `control: ${verb} took part`);

    await assertNoGarbage();
    // Whoever came last may have removed everything: there must be something to look at.
    printed(await box.hutch(['load', '-i', archives[0] ?? '']));
    const left = await imageNames();
    assert.ok(left.includes('red:1'));
    for (const name of left) {
      const argv = ['run', '--rm', '--net', 'none', '--pull', 'never', name, 'cat', '/mark'];
      assert.match(printed(await box.hutch(argv)), /^(?:red|green|blue|plain)$/u, name);
    }
    printed(await box.hutch(['gc', '--all']));
    await assertNoGarbage();
    assert.deepEqual(await imageNames(), left);
  });

  const assertNoGarbage = async (): Promise<void> => {
    const found = JSON.parse(printed(await box.hutch(['gc', '--format', 'json']))) as object;
    assert.deepEqual(found, { garbage: [], problems: [] });
  };
  const imageNames = async (): Promise<string[]> =>
    printed(await box.hutch(['images', '--format', '{{.Repository}}:{{.Tag}}']))
      .split('\n')
      .filter((name) => name !== '' && !name.startsWith('<none>') && name !== 'host:latest');
});

/** A worker may find that another was faster; nothing else may go wrong. */
function isGood(verb: string, { code, stdout, stderr }: Outcome): boolean {
  if (code === 0) return stderr === '';
  return ['rmi', 'tag'].includes(verb) && stdout === '' && stderr.startsWith('hutch: there is no image ');
}
