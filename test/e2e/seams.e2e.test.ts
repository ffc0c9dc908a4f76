/** Layers that lean on those below, in the store: shared by images that differ below, fitted when first used, gone with the layer. */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { LEANING, leaningLayers, LOOK_LEANING } from '../drivers/rootfs/leaning-layers.ts';
import { ociArchive } from '../helpers/image-archive.ts';
import { makeImage } from '../helpers/sample-image.ts';
import { buildTar } from '../helpers/tar-builder.ts';
import { removeInUserns } from '../../src/userns/run-in-userns.ts';
import { busyboxArchive, busyboxSkip } from './busybox-archive.ts';
import { assertRefused, idsSkip, makeSandbox, printed } from './sandbox.ts';

const skip = (await idsSkip()) || busyboxSkip();

describe('layers that lean on those below', { skip }, () => {
  const box = makeSandbox();
  const layers = path.join(box.data, 'layers');
  const load = async (name: string, archives: readonly Buffer[]): Promise<void> => {
    const { code, stderr } = await box.hutch([
      'load',
      '-i',
      box.file('image.tar', ociArchive(makeImage({ layers: archives }), name)),
    ]);
    assert.equal(code, 0, stderr);
  };
  const run = (image: string, ...argv: readonly string[]) =>
    box.hutch(['run', '--rm', '--net', 'none', image, ...argv]);
  const seams = (): string[] =>
    readdirSync(layers)
      .map((name) => path.join(layers, name, 'seams'))
      .filter((place) => existsSync(place));

  it('are shared by images that have something else there', async () => {
    const leaning = buildTar([
      { name: 'srv/site/page', content: 'page' },
      { name: 'srv/linked', flag: '1', linkName: 'srv/file' },
    ]);
    const base = (uid: number) =>
      busyboxArchive([
        { name: 'srv/', flag: '5', mode: 0o700 + uid, uid, mtime: 1_000_000_000 + uid },
        { name: 'srv/site/', flag: '5', mode: 0o750, uid: uid + 1, mtime: 1_000_000_000 },
        { name: 'srv/file', content: `of ${uid}`, uid },
      ]);
    for (const uid of [1, 2]) await load(`shared:${uid}`, [base(uid), leaning]);
    assert.equal(seams().length, 1, 'control: one layer for both');
    for (const uid of [1, 2]) {
      const script = "stat -c '%a %u %Y' srv; stat -c %u srv/site srv/linked; cat srv/linked";
      assert.equal(
        printed(await run(`shared:${uid}`, 'sh', '-c', script)),
        `70${uid} ${uid} 100000000${uid}\n${uid + 1}\n${uid}\nof ${uid}`,
      );
    }
    printed({ ...(await box.hutch(['rmi', 'shared:1'])), stdout: '' });
    assert.match(printed(await run('shared:2', 'cat', 'srv/linked')), /^of 2$/u);
    printed({ ...(await box.hutch(['rmi', 'shared:2'])), stdout: '' });
    assert.deepEqual(readdirSync(layers), []);
  });

  it('are fitted by the first run where another program brought the image', async () => {
    await load('leaning:1', leaningLayers('x'));
    await removeInUserns(seams());
    assert.deepEqual(seams(), [], 'control: they are gone');
    assert.equal(printed(await run('leaning:1', 'sh', '-c', LOOK_LEANING)), LEANING);
    assert.equal(seams().length, 2);
    await removeInUserns(readdirSync(layers).map((name) => path.join(layers, name)));
    assert.equal(printed(await run('leaning:1', 'sh', '-c', LOOK_LEANING)), LEANING);
    printed({ ...(await box.hutch(['gc'])), stdout: '' });
    assert.equal(printed(await run('leaning:1', 'sh', '-c', LOOK_LEANING)), LEANING);
  });

  it('show no changes of their own', async () => {
    printed(await box.hutch(['run', '--net', 'none', '--name', 'idle', 'leaning:1', 'true']));
    assert.doesNotMatch(printed(await box.hutch(['diff', 'idle'])), /own|tmp|late/u);
    const archive = path.join(box.directory, 'idle.tar');
    printed(await box.hutch(['export', '-o', archive, 'idle']));
    assert.ok(readFileSync(archive).includes('own/deep/fresh/leaf'));
    rmSync(archive);
  });

  it('are refused where a hard link leads to nothing, or to a directory', async () => {
    for (const target of ['no/such', 'lower'])
      for (const below of [[], [busyboxArchive()]]) {
        const layer = buildTar([{ name: 'bad', flag: '1', linkName: target }]);
        const archive = box.file('bad.tar', ociArchive(makeImage({ layers: [...below, layer] }), 'bad:1'));
        const was = readdirSync(layers);
        assertRefused(await box.hutch(['load', '-i', archive]), new RegExp(`"bad" is a hard link to "${target}"`, 'u'));
        assert.deepEqual(readdirSync(layers), was);
      }
  });
});
