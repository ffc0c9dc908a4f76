/** The image store on disk: commit, list, find, remove; layers here are bare directories, no namespace is needed. */

import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { hasLayer, layerDirectory, writeLayerRecord } from '../../src/images/layer/layers.ts';
import { parseReference } from '../../src/images/reference.ts';
import { stageJson } from '../../src/images/store/blob-file.ts';
import { commitImage, tagImage } from '../../src/images/store/commit-image.ts';
import { resolveImage } from '../../src/images/store/find-image.ts';
import { blobPath, readIndex } from '../../src/images/store/layout.ts';
import { listImageDetails, listImages } from '../../src/images/store/list-images.ts';
import { removeImage } from '../../src/images/store/remove-image.ts';
import type { ImageUse } from '../../src/images/store/sweep.ts';
import { cleanStaging, makeStaging } from '../../src/images/store/staging.ts';
import { MEDIA_TYPE, type Digest } from '../../src/oci/image.ts';
import { openStore, type Store } from '../../src/state/store.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'hutch-store-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

let store: Store;
let made = 0;
beforeEach(() => {
  const root = path.join(scratch, `store-${made++}`);
  const at = (name: string): string => path.join(root, name);
  store = openStore({
    root,
    images: at('images'),
    layers: at('layers'),
    containers: at('containers'),
    networks: at('networks'),
    staging: at('staging'),
    run: `${root}-run`,
    config: `${root}-config`,
  });
});

interface Made {
  readonly id: Digest;
  readonly manifestDigest: Digest;
  readonly diffIds: readonly Digest[];
}

const diffId = (character: string): Digest => `sha256:${character.repeat(64)}` as Digest;

/** Commits an image whose layers are named by single hexadecimal characters. */
async function addImage(name: string | null, layers: string, created = '2020-01-01T00:00:00Z'): Promise<Made> {
  const staging = makeStaging(store);
  const diffIds = Array.from(layers).map(diffId);
  const config = stageJson(
    path.join(staging, 'config'),
    { created, architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: diffIds } },
    MEDIA_TYPE.config,
  );
  const blobs = Array.from(layers).map((character) =>
    stageJson(path.join(staging, `blob-${character}`), { layer: character }, MEDIA_TYPE.layer),
  );
  const manifest = stageJson(
    path.join(staging, 'manifest'),
    { schemaVersion: 2, config: config.descriptor, layers: blobs.map(({ descriptor }) => descriptor) },
    MEDIA_TYPE.manifest,
  );
  const staged = diffIds.map((id) => {
    const directory = path.join(staging, `layer-${id.slice(-1)}`);
    mkdirSync(path.join(directory, 'fs'), { recursive: true });
    writeLayerRecord(directory, { diffId: id, unpackedBytes: 1000, entries: 1, skippedDevices: 0 });
    return { directory, diffId: id };
  });
  const needs = { blobs: [config, ...blobs].map(({ descriptor }) => descriptor.digest), layers: diffIds };
  await commitImage(store, {
    reference: name === null ? null : parseReference(name),
    manifest,
    blobs: [...blobs, config],
    layers: staged,
    needs,
  });
  rmSync(staging, { recursive: true });
  return { id: config.descriptor.digest, manifestDigest: manifest.descriptor.digest, diffIds };
}

const remove = (name: string, uses: readonly ImageUse[] = [], isForced = false) =>
  removeImage(store, name, { isForced, readUses: () => uses });
const names = (): string[] =>
  listImages(store)
    .map(({ repository, tag }) => `${repository ?? '<none>'}:${tag ?? '<none>'}`)
    .sort();
const countBlobs = (): number => readdirSync(path.join(store.images, 'blobs', 'sha256')).length;

test('listImages() is empty in a store that has never held an image', () => {
  assert.deepEqual(listImages(store), []);
  assert.throws(() => resolveImage(store, 'busybox'), { code: 'IMAGE_UNKNOWN' });
});

test('commitImage() writes a layout that names the image for skopeo and containerd', async () => {
  const { manifestDigest } = await addImage('busybox', 'a');
  assert.deepEqual(JSON.parse(readFileSync(path.join(store.images, 'oci-layout'), 'utf8')), {
    imageLayoutVersion: '1.0.0',
  });
  const [entry] = readIndex(store).manifests;
  assert.equal(entry?.digest, manifestDigest);
  assert.equal(entry.annotations?.['org.opencontainers.image.ref.name'], 'docker.io/library/busybox:latest');
  assert.equal(entry.annotations['io.containerd.image.name'], 'docker.io/library/busybox:latest');
});

test('commitImage() moves a name over and leaves the old image nameless', async () => {
  const old = await addImage('busybox', 'a');
  await addImage('busybox', 'b');
  assert.deepEqual(names(), ['<none>:<none>', 'busybox:latest']);
  assert.equal(resolveImage(store, old.id).reference, null);
  await addImage('busybox', 'b');
  assert.deepEqual(names(), ['<none>:<none>', 'busybox:latest']);
});

test('commitImage() refuses an image that is not whole', async () => {
  const staging = makeStaging(store);
  const manifest = stageJson(path.join(staging, 'manifest'), {}, MEDIA_TYPE.manifest);
  const image = { reference: null, manifest, blobs: [], layers: [], needs: { blobs: [], layers: [diffId('f')] } };
  await assert.rejects(commitImage(store, image), { code: 'IMAGE_UNKNOWN', message: /not whole/u });
  assert.deepEqual(readIndex(store).manifests, []);
});

test('resolveImage() finds by name, id, beginning of an id, and digest', async () => {
  const image = await addImage('repo/app:1', 'ab');
  const digits = image.id.slice(7, 15);
  for (const name of ['repo/app:1', image.id, digits, `sha256:${digits}`, `repo/app@${image.manifestDigest}`]) {
    const found = resolveImage(store, name);
    assert.equal(found.id, image.id, name);
    assert.deepEqual(
      found.layers.map(({ tree }) => tree),
      image.diffIds.map((id) => path.join(layerDirectory(store, id), 'fs')),
    );
  }
  for (const name of ['repo/app', digits.slice(0, 3), `other@${image.manifestDigest}`])
    assert.throws(() => resolveImage(store, name), { code: 'IMAGE_UNKNOWN' }, name);
  assert.throws(() => resolveImage(store, 'Repo'), { code: 'REFERENCE_INVALID' });
});

test('resolveImage() refuses a blob whose content was changed', async () => {
  const { id } = await addImage('busybox', 'a');
  const whole = readFileSync(blobPath(store, id), 'utf8');
  writeFileSync(blobPath(store, id), whole.replace('linux', 'xunil'));
  assert.throws(() => resolveImage(store, 'busybox'), { code: 'RECORD_CORRUPT', message: /does not have its digest/u });
  writeFileSync(blobPath(store, id), whole.slice(1));
  assert.throws(() => resolveImage(store, 'busybox', 'size'), { code: 'RECORD_CORRUPT', message: /bytes long/u });
});

test('listImageDetails() is sorted by age, tells sizes, and goes on past a damaged image', async () => {
  await addImage('old', 'ab', '2001-01-01T00:00:00Z');
  await addImage('new', 'c', '2002-01-01T00:00:00Z');
  const bad = await addImage('bad', 'd', '2003-01-01T00:00:00Z');
  rmSync(blobPath(store, bad.manifestDigest));
  const rows = listImageDetails(store).map(({ repository, sizeBytes, damage }) => [
    repository,
    sizeBytes,
    damage !== null,
  ]);
  assert.deepEqual(
    rows.filter(([repository]) => repository !== 'bad'),
    [
      ['new', 1000, false],
      ['old', 2000, false],
    ],
  );
  assert.deepEqual(
    rows.find(([repository]) => repository === 'bad'),
    ['bad', 0, true],
  );
});

test('removeImage() deletes only what no other image needs', async () => {
  const first = await addImage('first', 'ab');
  const second = await addImage('second', 'bc');
  const removed = await remove('first');
  assert.deepEqual(removed.untagged, ['first:latest']);
  assert.deepEqual(removed.deleted, [first.id, diffId('a')]);
  assert.equal(hasLayer(store, diffId('a')), false);
  assert.ok(hasLayer(store, diffId('b')) && hasLayer(store, diffId('c')));
  assert.equal(countBlobs(), 4);
  assert.equal(resolveImage(store, 'second').id, second.id);
  await remove('second');
  assert.equal(countBlobs(), 0);
  assert.deepEqual(readdirSync(store.layers), []);
  assert.deepEqual(readdirSync(store.staging), []);
});

test('removeImage() takes one name away while there are others', async () => {
  const image = await addImage('one', 'a');
  await tagImage(store, image.manifestDigest, parseReference('two:2'));
  assert.deepEqual(await remove('one'), { untagged: ['one:latest'], deleted: [] });
  assert.deepEqual(names(), ['two:2']);
  await tagImage(store, image.manifestDigest, parseReference('three'));
  await assert.rejects(remove(image.id), { code: 'IMAGE_IN_USE', message: /several names: .*two:2/u });
  const { untagged } = await remove(image.id, [], true);
  assert.deepEqual(untagged.toSorted(), ['three:latest', 'two:2']);
  assert.equal(countBlobs(), 0);
});

test('removeImage() refuses an image that a container was made from; forced, it leaves the layers', async () => {
  const image = await addImage('busy', 'ab');
  const uses = [{ container: 'web', imageId: image.id, layers: [diffId('a')] }];
  await assert.rejects(remove('busy', uses), {
    code: 'IMAGE_IN_USE',
    message: /used by container web/u,
    hint: /hutch rm web/u,
  });
  assert.equal(resolveImage(store, 'busy').id, image.id);
  const { deleted } = await remove('busy', uses, true);
  assert.deepEqual(deleted, [image.id, diffId('b')]);
  assert.ok(hasLayer(store, diffId('a')));
});

test('removeImage() gives a layer back when a container turns up while it is removed', async () => {
  const image = await addImage('raced', 'a');
  let reads = 0;
  const readUses = (): ImageUse[] =>
    (reads += 1) < 3 ? [] : [{ container: 'late', imageId: image.id, layers: [diffId('a')] }];
  const { deleted } = await removeImage(store, 'raced', { isForced: false, readUses });
  assert.equal(reads, 3);
  assert.deepEqual(deleted, [image.id]);
  assert.ok(hasLayer(store, diffId('a')));
});

test('removeImage() leaves fresh blobs of others alone, and sweeps old ones', async () => {
  await addImage('image', 'a');
  const [fresh, old] = [blobPath(store, diffId('1')), blobPath(store, diffId('2'))];
  for (const file of [fresh, old]) writeFileSync(file, 'blob');
  utimesSync(old, 1000, 1000);
  await remove('image');
  assert.ok(existsSync(fresh));
  assert.equal(existsSync(old), false);
});

test('removeImage() can remove a damaged image, and deletes nothing while another is damaged', async () => {
  const bad = await addImage('bad', 'a');
  await addImage('good', 'b');
  rmSync(blobPath(store, bad.manifestDigest));
  await remove('good');
  assert.ok(hasLayer(store, diffId('b')), 'deleted although what bad needs is unknown');
  await remove('bad');
  assert.deepEqual(names(), []);
  assert.deepEqual(readdirSync(store.layers), []);
});

test('removeImage() and resolveImage() survive writers at the same time', async () => {
  await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((character) => addImage(`image-${character}`, character)));
  assert.equal(names().length, 6);
  await Promise.all(['a', 'b', 'c'].map((character) => remove(`image-${character}`)));
  assert.deepEqual(names(), ['image-d:latest', 'image-e:latest', 'image-f:latest']);
  assert.equal(countBlobs(), 9);
});

test('cleanStaging() removes what the dead left, and nothing of the living', async () => {
  const mine = makeStaging(store);
  const dead = path.join(store.staging, path.basename(mine).replace(/^image_\d+_\d+/u, 'image_4194303_1'));
  const before = path.join(
    store.staging,
    path.basename(mine).replace(/_[0-9a-f-]{36}_/u, '_00000000-0000-0000-0000-000000000000_'),
  );
  for (const directory of [dead, before]) mkdirSync(path.join(directory, 'x'), { recursive: true });
  await cleanStaging(store);
  assert.deepEqual(readdirSync(store.staging), [path.basename(mine)]);
});
