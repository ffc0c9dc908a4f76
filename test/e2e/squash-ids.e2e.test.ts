/** `--squash-ids`: images with files of ids that have no counterpart here, through each command that unpacks. */

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { ociArchive } from '../helpers/image-archive.ts';
import { makeImage, type SampleImage } from '../helpers/sample-image.ts';
import { startStub } from '../helpers/stub-registry.ts';
import { busyboxArchive, busyboxSkip } from './busybox-archive.ts';
import { assertRefused, idsSkip, makeSandbox, printed, type Sandbox } from './sandbox.ts';

const skip = (await idsSkip()) || busyboxSkip();

/** Files of ids on both sides of the map; `mark` makes the layer one of its own. */
function layer(mark: string): Buffer {
  return busyboxArchive([
    { name: 'both', content: mark, mode: 0o6755, pax: { uid: '70000', gid: '4294967294' } },
    { name: 'one', content: mark, mode: 0o4755, uid: 33, pax: { gid: '70000' } },
    { name: 'none', content: mark, mode: 0o4755, uid: 33, gid: 44 },
    { name: 'beyond/', flag: '5', mode: 0o2755, pax: { uid: '4294967295' } },
    { name: 'soft', flag: '2', linkName: 'none', mode: 0o777, pax: { uid: '70000' } },
  ]);
}

const SQUASHED = 'gave 4 files of ids beyond the range to nobody\n';
const SHOW = ['stat', '-c', '%n %a %u:%g', 'both', 'one', 'none', 'beyond', 'soft'];
const SHOWN = `both 755 65534:65534
one 755 33:65534
none 4755 33:44
beyond 755 65534:0
soft 777 65534:0
`;

describe('--squash-ids', { skip }, () => {
  const imageOf = (mark: string): SampleImage => makeImage({ layers: [layer(mark)] });
  const shown = async (box: Sandbox, image: string): Promise<void> =>
    assert.equal(printed(await box.hutch(['run', '--rm', '--net', 'none', image, ...SHOW])), SHOWN);
  const box = makeSandbox();

  it('makes `hutch image import` give such files to nobody, and say so', async () => {
    const file = box.file('layer.tar', layer('import'));
    assertRefused(
      await box.hutch(['image', 'import', file, 'ids:1']),
      /"both" belongs to uid 70000.*\n.*--squash-ids/u,
    );
    const { code, stderr } = await box.hutch(['image', 'import', '--squash-ids', file, 'ids:1']);
    assert.deepEqual([code, stderr], [0, `ids:1: ${SQUASHED}`]);
    await shown(box, 'ids:1');
  });

  it('makes `hutch load` do the same', async () => {
    const file = box.file('image.tar', ociArchive(imageOf('load'), 'ids:2'));
    assertRefused(await box.hutch(['load', '-i', file]), /uid 70000/u);
    const loaded = await box.hutch(['load', '--squash-ids', '-i', file]);
    assert.deepEqual([loaded.stdout, loaded.stderr], ['Loaded image: ids:2\n', `ids:2: ${SQUASHED}`]);
    // What is here already is not unpacked again, and -q says nothing.
    assert.equal((await box.hutch(['load', '--squash-ids', '-i', file])).stderr, '');
    await shown(box, 'ids:2');
  });

  it('makes `hutch pull` and `hutch run` do the same', async () => {
    const stub = await startStub();
    const [pulled, run] = [`${stub.host}/ids:pull`, `${stub.host}/ids:run`];
    try {
      stub.add('pull', imageOf('pull'));
      stub.add('run', imageOf('run'));
      box.file('registries.conf', `[[registry]]\nlocation = "${stub.host}"\ninsecure = true\n`);
      assertRefused(await box.hutch(['pull', '-q', pulled]), /uid 70000/u);
      assert.ok((await box.hutch(['pull', '--squash-ids', pulled])).stderr.endsWith(`\n${pulled}: ${SQUASHED}`));
      assert.doesNotMatch((await box.hutch(['pull', '--squash-ids', pulled])).stderr, /nobody/u);
      await shown(box, pulled);
      const argv = ['run', '--rm', '-q', '--net', 'none'];
      assertRefused(await box.hutch([...argv, run, 'true']), /uid 70000/u);
      assert.equal(printed(await box.hutch([...argv, '--squash-ids', run, ...SHOW])), SHOWN);
    } finally {
      await stub.stop();
    }
  });

  it('makes `hutch run` of an image that skopeo copied in say so', async () => {
    const image = imageOf('skopeo');
    const blobs = path.join(box.data, 'images/blobs/sha256');
    for (const { digest, bytes } of [image.manifest, image.config, ...image.layers])
      writeFileSync(path.join(blobs, digest.slice('sha256:'.length)), bytes);
    const file = path.join(box.data, 'images/index.json');
    const index = JSON.parse(readFileSync(file, 'utf8')) as { manifests: object[] };
    const annotations = { 'org.opencontainers.image.ref.name': 'ids:5' };
    const { mediaType, digest, size } = image.manifest;
    const manifests = [...index.manifests, { mediaType, digest, size, annotations }];
    writeFileSync(file, JSON.stringify({ ...index, manifests }));
    const argv = ['run', '--rm', '--net', 'none', '--squash-ids', 'ids:5', ...SHOW];
    const outcome = await box.hutch(argv);
    assert.deepEqual([outcome.stdout, outcome.stderr], [SHOWN, `hutch: warning: ids:5: ${SQUASHED}`]);
    assert.equal(printed(await box.hutch(argv)), SHOWN);
  });
});
