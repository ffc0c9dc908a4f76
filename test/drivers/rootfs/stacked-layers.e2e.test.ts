/** Layers that hide and replace what lies below them: every rootfs driver must show the same of them, however they came into the store. */

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { probeRootfsDriver, ROOTFS_DRIVERS } from '../../../src/drivers/rootfs/probe.ts';
import { busyboxArchive, busyboxSkip } from '../../e2e/busybox-archive.ts';
import { idsSkip, makeSandbox, printed, type Outcome } from '../../e2e/sandbox.ts';
import { ociArchive } from '../../helpers/image-archive.ts';
import { makeImage } from '../../helpers/sample-image.ts';
import { startStub } from '../../helpers/stub-registry.ts';
import { LEANING, leaningLayers, LOOK_LEANING, opaqueRootLayers, repeatedLayers } from './leaning-layers.ts';
import { LIST_STACK, STACK, stackedLayers } from './stacked-layers.ts';

const skip = (await idsSkip()) || busyboxSkip();

describe('layers that hide and replace what lies below', { skip }, async () => {
  const box = makeSandbox();
  const victim = path.join(box.directory, 'victim');
  const precious = path.join(victim, 'precious');
  let pulled = '';
  mkdirSync(box.data, { mode: 0o700 });

  before(async () => {
    mkdirSync(victim);
    writeFileSync(precious, 'of the host');
    const archive = ociArchive(makeImage({ layers: stackedLayers(victim, 'loaded') }), 'stack:loaded');
    await box.hutch(['load', '-i', box.file('stack.tar', archive)]);
    for (const [name, layers] of [
      ['leaning:1', leaningLayers('loaded')],
      ['opaque:root', opaqueRootLayers('loaded')],
      ['repeated:1', repeatedLayers('loaded')],
    ] as const)
      printed({
        ...(await box.hutch(['load', '-i', box.file('more.tar', ociArchive(makeImage({ layers }), name))])),
        stdout: '',
      });
    const layer = busyboxArchive([{ name: 'd/.wh..wh..opq' }, { name: 'd/own', content: 'x' }]);
    printed(await box.hutch(['image', 'import', box.file('opaque.tar', layer), 'opaque:imported']));
    const stub = await startStub();
    try {
      stub.add('1', makeImage({ layers: stackedLayers(victim, 'pulled'), compression: ['none', 'zstd', 'gzip'] }));
      pulled = `${stub.host}/stack:1`;
      printed(await box.hutch(['pull', '-q', '--tls-verify=false', pulled]));
    } finally {
      await stub.stop();
    }
  });

  for (const driver of ROOTFS_DRIVERS) {
    const probe = await probeRootfsDriver(driver, { root: box.data, run: box.run });
    const run = (image: string, ...command: readonly string[]): Promise<Outcome> =>
      box.hutch(['run', '--rm', '--net', 'none', '--storage-driver', driver, image, ...command]);

    describe(`with ${driver}`, { skip: probe.ok ? false : probe.reason }, () => {
      for (const [title, name] of [
        ['loaded', () => 'stack:loaded'],
        ['pulled', () => pulled],
      ] as const) {
        it(`show what a ${title} image means`, async () => {
          assert.equal(printed(await run(name(), 'sh', '-c', LIST_STACK)), STACK);
          assert.equal(readFileSync(precious, 'utf8'), 'of the host', 'a link of the image led to the host');
        });
      }

      it('give directories without an entry what they have below, and hard links their target', async () => {
        assert.equal(printed(await run('leaning:1', 'sh', '-c', LOOK_LEANING)), LEANING);
      });

      it('end where the root of one is opaque', async () => {
        const script = 'ls -d hidden etc/hidden mark over 2>/dev/null; stat -c %a etc';
        assert.equal(printed(await run('opaque:root', 'sh', '-c', script)), 'mark\nover\n755\n');
      });

      it('may come twice', async () => {
        assert.equal(printed(await run('repeated:1', 'ls', 'twice')), 'file\n');
      });

      it('do not hide what is in the same, imported layer', async () => {
        assert.equal(printed(await run('opaque:imported', 'ls', '-A', 'd')), 'own\n');
      });
    });
  }
});
