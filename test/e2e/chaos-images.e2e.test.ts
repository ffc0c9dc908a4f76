/** Images that come, go and are made of containers, while the processes that do it are killed at random moments. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ociArchive } from '../helpers/image-archive.ts';
import type { Random } from '../helpers/random-conditions.ts';
import { makeImage } from '../helpers/sample-image.ts';
import { buildTar } from '../helpers/tar-builder.ts';
import { launchRegistry, registrySkip } from '../helpers/docker-registry.ts';
import { busyboxArchive, busyboxSkip } from './busybox-archive.ts';
import { chaos, roundsOf, SEED, type Operation } from './chaos.ts';
import { BUSYBOX, idsSkip, importBusybox, makeSandbox, printed } from './sandbox.ts';

describe('images under fire', { skip: (await idsSkip()) || busyboxSkip() || registrySkip() }, () => {
  const box = makeSandbox();

  it(`leave nothing, whoever is killed (seed ${SEED})`, { timeout: 390_000 }, async () => {
    await importBusybox(box);
    const archive = box.file('more.tar', ociArchive(makeImage({ layers: [busyboxArchive(), files()] }), 'more:1'));
    await using registry = await servedImage(archive);
    /** The name goes to another image, so that what it named is not there any more. */
    const without = (name: string): string[][] => [
      ['tag', BUSYBOX, name],
      ['gc', '--all'],
    ];
    const next = ({ pick }: Random, name: string): Operation =>
      pick<Operation>([
        { before: without('more:1'), argv: ['load', '-q', '-i', archive], usualMs: 250, victims: ['cli', 'program'] },
        {
          before: without(registry.image),
          argv: ['pull', '-q', registry.image],
          usualMs: 350,
          victims: ['cli', 'program'],
        },
        {
          before: [['run', '--net', 'none', '--name', name, BUSYBOX, 'sh', '-c', 'echo more >/more']],
          argv: ['commit', name, 'made:1'],
          usualMs: 250,
          victims: ['cli', 'program'],
        },
        { argv: ['rmi', '-f', 'made:1', 'more:1'], usualMs: 80, victims: ['cli'] },
      ]);
    await chaos(box, { rounds: roundsOf(0.2), mustHit: ['cli', 'program'], next });
    await assertWhole();
  });

  /** What was stopped half-way can be done again, and what is there is whole. */
  const assertWhole = async (): Promise<void> => {
    await box.hutch(['gc', '--all']);
    const found = JSON.parse(printed(await box.hutch(['gc', '--format', 'json']))) as object;
    assert.deepEqual(found, { garbage: [], problems: [] });
    assert.equal(printed(await box.hutch(['run', '--rm', '--net', 'none', BUSYBOX, 'echo', 'whole'])), 'whole\n');
  };
  const servedImage = async (archive: string): Promise<AsyncDisposable & { readonly image: string }> => {
    const registry = await launchRegistry();
    const image = `${registry.host}/more:1`;
    printed(await box.hutch(['load', '-q', '-i', archive]));
    printed(await box.hutch(['push', '-q', 'more:1', image]));
    printed(await box.hutch(['rmi', 'more:1']));
    return { image, [Symbol.asyncDispose]: () => registry.stop() };
  };
});

/** Enough of them that unpacking takes its time. */
function files(): Buffer {
  return buildTar(Array.from({ length: 2000 }, (_, index) => ({ name: `f${index}`, content: `file ${index}` })));
}
