/** Images into archives and out of them, through the engine as an ordinary user: round trips, bad archives, what stays afterwards. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { collectGarbage } from '../../../src/engine/image/collect-garbage.ts';
import { diskUsage } from '../../../src/engine/image/disk-usage.ts';
import { imageHistory } from '../../../src/engine/image/image-history.ts';
import { importImage } from '../../../src/engine/image/import-image.ts';
import { listImageIds, listImagesInFull } from '../../../src/engine/image/list-images.ts';
import { loadImages } from '../../../src/engine/image/load-image.ts';
import { pruneImages } from '../../../src/engine/image/prune-images.ts';
import { removeImage } from '../../../src/engine/image/remove-image.ts';
import { saveImages } from '../../../src/engine/image/save-image.ts';
import { tagImage } from '../../../src/engine/image/tag-image.ts';
import { resolveImage } from '../../../src/images/store/find-image.ts';
import { locateStore } from '../../../src/state/store.ts';
import { removeInUserns } from '../../../src/userns/run-in-userns.ts';
import { buildTar, type TarPart } from '../../helpers/tar-builder.ts';
import { inUserns, listTree, unpackSkip } from '../../helpers/userns-tree.ts';

const skip = await unpackSkip();
const scratch = mkdtempSync(path.join(tmpdir(), 'hutch-archives-'));
after(() => removeInUserns([scratch]));

let made = 0;
beforeEach(() => {
  useNewStore();
  process.env['XDG_RUNTIME_DIR'] = path.join(scratch, 'run');
  mkdirSync(process.env['XDG_RUNTIME_DIR'], { recursive: true, mode: 0o700 });
});

function useNewStore(): void {
  process.env['HUTCH_DATA'] = path.join(scratch, `data-${made++}`);
}

function file(bytes: Buffer): string {
  const name = path.join(scratch, `file-${made++}`);
  writeFileSync(name, bytes);
  return name;
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

const ROOT: TarPart = { name: './', flag: '5', mode: 0o755 };
const LOWER = buildTar([
  ROOT,
  { name: 'bin/', flag: '5', mode: 0o755 },
  { name: 'bin/tool', content: 'tool', mode: 0o4755, uid: 1, gid: 2 },
  { name: 'bin/gone', content: 'gone' },
  { name: 'etc/', flag: '5', mode: 0o755 },
  { name: 'etc/name', content: 'x'.repeat(5000) },
]);
const UPPER = buildTar([
  ROOT,
  { name: 'bin/', flag: '5', mode: 0o755 },
  { name: 'bin/.wh.gone' },
  { name: 'new', content: 'new', uid: 9 },
]);

interface Parts {
  readonly tags?: readonly string[] | null;
  readonly layers?: readonly Buffer[];
  readonly diffIds?: readonly string[];
}

/** What `docker save` writes, of two layers unless told otherwise; layers may be compressed, diff ids are of the plain ones. */
function dockerArchive(
  { tags = ['two/layers:1'], layers = [LOWER, UPPER], diffIds }: Parts = {},
  more: readonly TarPart[] = [],
): Buffer {
  const ids = diffIds ?? [LOWER, UPPER].map((bytes) => `sha256:${sha256(bytes)}`);
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      created: '2020-01-01T00:00:00Z',
      config: { Cmd: ['/bin/tool'] },
      rootfs: { type: 'layers', diff_ids: ids },
      history: [
        { created: '2019-01-01T00:00:00Z', created_by: 'ADD lower' },
        { created_by: 'ENV a=b', empty_layer: true },
        { created: '2020-01-01T00:00:00Z', created_by: 'RUN upper', comment: 'two' },
      ],
    }),
  );
  const name = `${sha256(config)}.json`;
  const list = [{ Config: name, RepoTags: tags, Layers: ['a/layer.tar', './b/layer.tar'] }];
  return buildTar([
    { name: 'a/', flag: '5' },
    { name: 'a/layer.tar', content: layers[0] ?? '' },
    { name: 'real.tar', content: layers[1] ?? '' },
    { name: 'b/layer.tar', flag: '2', linkName: '../real.tar' },
    { name, content: config },
    { name: 'repositories', content: '{}' },
    { name: './manifest.json', content: JSON.stringify(list) },
    ...more,
  ]);
}

const load = (bytes: Buffer) => loadImages({ file: file(bytes) });
const names = (): string[] =>
  listImagesInFull()
    .map(({ repository, tag }) => `${repository ?? '<none>'}:${tag ?? '<none>'}`)
    .sort();

/** Everything below the store that belongs to images, by its path, without what lies in layers. */
function traces(): string[] {
  const store = locateStore();
  const list = (directory: string): string[] =>
    existsSync(directory) ? readdirSync(directory).map((name) => path.join(directory, name)) : [];
  const blobs = path.join(store.images, 'blobs/sha256');
  const places = [store.staging, path.join(store.staging, 'downloads'), store.layers, blobs];
  return places.flatMap(list).filter((name) => path.basename(name) !== 'downloads');
}

async function assertSound(): Promise<void> {
  assert.deepEqual(await collectGarbage({ all: true, dryRun: true }), { garbage: [], problems: [] });
}

test('loadImages() takes what docker saves, with links, and unpacks its layers', { skip }, async () => {
  const [image] = await load(dockerArchive({ tags: ['two/layers:1', 'localhost:5000/other'] }));
  assert.deepEqual(image?.names, ['two/layers:1', 'localhost:5000/other:latest']);
  assert.deepEqual(names(), ['localhost:5000/other:latest', 'two/layers:1']);
  const { layers, config } = resolveImage(locateStore(), 'two/layers:1');
  assert.deepEqual(config.config?.Cmd, ['/bin/tool']);
  assert.equal(
    await inUserns(`cd "$1"; stat -c '%n %F %u %a' bin/gone new`, layers[1]?.tree ?? ''),
    'bin/gone character special file 0 0\nnew regular file 9 644\n',
  );
  await assertSound();
});

for (const [title, compress] of [
  ['gzip', gzipSync],
  ['zstd', zstdCompressSync],
] as const) {
  test(`loadImages() takes an archive in ${title} with layers in ${title}`, { skip }, async () => {
    const layers = [compress(LOWER), compress(UPPER)];
    await load(compress(dockerArchive({ layers })));
    const { manifest } = resolveImage(locateStore(), 'two/layers:1');
    assert.deepEqual(
      manifest.layers.map(({ digest }) => digest),
      layers.map((bytes) => `sha256:${sha256(bytes)}`),
    );
    assert.ok(manifest.layers.every(({ mediaType }) => mediaType.endsWith(`+${title}`)));
    await assertSound();
  });
}

test('loadImages() leaves an image without tags nameless', { skip }, async () => {
  const [image] = await load(dockerArchive({ tags: null }));
  assert.deepEqual(image?.names, []);
  assert.deepEqual([names(), listImageIds()], [['<none>:<none>'], [image.id]]);
});

const BAD: readonly (readonly [title: string, bytes: () => Buffer, message: RegExp])[] = [
  ['is a root file system', () => LOWER, /holds no images/u],
  ['lacks a layer', () => dockerArchive().subarray(0, 0), /is empty/u],
  [
    'has layers whose diff ids are wrong',
    () => dockerArchive({ diffIds: [sha256(LOWER), sha256(LOWER)].map((id) => `sha256:${id}`) }),
    /layer sha256:[0-9a-f]+ is damaged/u,
  ],
  [
    'lists fewer layers than it has',
    () => dockerArchive({ diffIds: [`sha256:${sha256(LOWER)}`] }),
    /2 layers whose configuration lists 1/u,
  ],
  ['is cut short', () => dockerArchive().subarray(0, 9000), /cut short|holds no images/u],
  ['has a manifest that is not JSON', () => buildTar([{ name: 'manifest.json', content: '[' }]), /not JSON/u],
  [
    'names files that are not there',
    () =>
      buildTar([
        { name: 'manifest.json', content: '[{"Config":"x.json","Layers":["../../etc/passwd"]}]' },
        { name: 'x.json', content: '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}' },
      ]),
    /has no file \.\.\/\.\.\/etc\/passwd/u,
  ],
  [
    'is an OCI layout with a wrong digest',
    () =>
      buildTar([
        { name: 'oci-layout', content: '{}' },
        {
          name: 'index.json',
          content: JSON.stringify({
            schemaVersion: 2,
            manifests: [
              { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: `sha256:${'a'.repeat(64)}`, size: 2 },
            ],
          }),
        },
        { name: `blobs/sha256/${'a'.repeat(64)}`, content: '{}' },
      ]),
    /has the digest sha256:[0-9a-f]+ and 2 bytes/u,
  ],
];

for (const [title, bytes, message] of BAD) {
  test(`loadImages() refuses an archive that ${title} and leaves nothing`, { skip }, async () => {
    await assert.rejects(load(bytes()), { code: 'ARCHIVE_INVALID', message });
    assert.deepEqual(
      traces().filter((name) => !name.includes('downloads')),
      [],
    );
    assert.deepEqual(names(), []);
    await collectGarbage({ all: true });
    assert.deepEqual(traces(), []);
  });
}

test('loadImages() refuses the name of the built-in image, and what cannot be read', { skip }, async () => {
  await assert.rejects(load(dockerArchive({ tags: ['host:latest'] })), { code: 'REFERENCE_INVALID' });
  await assert.rejects(loadImages({ file: '/nonexistent' }), { code: 'USAGE_INVALID', message: /ENOENT/u });
  assert.deepEqual(names(), []);
});

for (const format of ['docker-archive', 'oci-archive']) {
  test(
    `saveImages() writes ${format} files that loadImages() takes in another store, the same each time`,
    { skip },
    async () => {
      await load(dockerArchive({ layers: [gzipSync(LOWER), zstdCompressSync(UPPER)] }));
      await importImage({ file: file(gzipSync(LOWER)), name: 'one' });
      await tagImage('one', 'again:2');
      const store = locateStore();
      const images = ['two/layers:1', 'one', 'again:2'];
      const [first, second] = [file(Buffer.alloc(0)), file(Buffer.alloc(0))];
      await saveImages({ images, output: first, format });
      await saveImages({ images, output: second, format });
      assert.ok(readFileSync(first).equals(readFileSync(second)), 'the same images give the same archive');
      const wanted = images.map((name) => resolveImage(store, name));
      useNewStore();
      const loaded = await loadImages({ file: first });
      assert.deepEqual(
        loaded.map((image) => image.names),
        [['two/layers:1'], ['one:latest', 'again:2']],
      );
      for (const image of wanted) {
        const found = resolveImage(locateStore(), image.reference ?? '');
        assert.equal(found.id, image.id);
        if (format === 'oci-archive') assert.equal(found.manifestDigest, image.manifestDigest);
        for (const [at, layer] of found.layers.entries())
          assert.equal(await listTree(layer.tree), await listTree(image.layers[at]?.tree ?? ''));
      }
      await assertSound();
    },
  );
}

test(
  'saveImages() saves an id without a name, and refuses what it cannot save before it writes',
  { skip },
  async () => {
    const [image] = await load(dockerArchive());
    const output = path.join(scratch, `out-${made++}`);
    await saveImages({ images: [image?.id ?? ''], output });
    const before = names();
    useNewStore();
    assert.deepEqual((await loadImages({ file: output }))[0]?.names, []);
    assert.deepEqual(before, ['two/layers:1']);
    const refused = path.join(scratch, 'refused');
    await assert.rejects(saveImages({ images: ['nothere'], output: refused }), { code: 'IMAGE_UNKNOWN' });
    await assert.rejects(saveImages({ images: ['host'], output: refused }), { code: 'USAGE_INVALID' });
    await assert.rejects(saveImages({ images: [image?.id ?? ''], output: refused, format: 'zip' }), {
      code: 'USAGE_INVALID',
    });
    await assert.rejects(saveImages({ images: [image?.id ?? ''], output: '/nonexistent/x' }), {
      code: 'STORE_UNWRITABLE',
    });
    assert.equal(existsSync(refused), false);
  },
);

test('saveImages() says so when a blob is damaged, and leaves no half archive', { skip }, async () => {
  await load(dockerArchive());
  const store = locateStore();
  const [layer] = resolveImage(store, 'two/layers:1').manifest.layers;
  writeFileSync(path.join(store.images, 'blobs', layer?.digest.replace(':', '/') ?? ''), 'short');
  const output = path.join(scratch, 'damaged.tar');
  await assert.rejects(saveImages({ images: ['two/layers:1'], output, format: 'oci-archive' }), {
    code: 'RECORD_CORRUPT',
  });
  assert.deepEqual(
    readdirSync(scratch).filter((name) => name.startsWith('damaged')),
    [],
  );
  assert.match((await collectGarbage({ dryRun: true })).problems.join(), /blob sha256:[0-9a-f]+ is 5 bytes long/u);
});

test('imageHistory() tells the newest step first, with the sizes of the layers that steps made', { skip }, async () => {
  const [image] = await load(dockerArchive());
  const steps = imageHistory('two/layers:1');
  assert.deepEqual(
    steps.map(({ id, createdBy, sizeBytes }) => [id, createdBy, sizeBytes]),
    [
      [image?.id, 'RUN upper', 3],
      [null, 'ENV a=b', 0],
      [null, 'ADD lower', 5008],
    ],
  );
});

test('importImage() does the work once when several want the same archive at the same time', { skip }, async () => {
  const archive = file(gzipSync(LOWER));
  let unpacked = 0;
  const wanted = Array.from({ length: 4 }, (_, index) =>
    importImage({ file: archive, name: `same:${index}`, onProgress: () => void (unpacked += 1) }),
  );
  const images = await Promise.all(wanted);
  assert.equal(new Set(images.map(({ layer }) => layer.diffId)).size, 1);
  assert.ok(unpacked <= 1, `${unpacked} reports of progress`);
  assert.equal(readdirSync(locateStore().layers).length, 1);
  await assertSound();
});

test('loadImages() at the same time as itself, imports, removals and gc leaves a sound store', { skip }, async () => {
  const archive = file(dockerArchive());
  const lower = file(LOWER);
  const work = Array.from({ length: 6 }, async (_, index) => {
    await loadImages({ file: archive });
    await importImage({ file: lower, name: `import:${index}` });
    await removeImage(`import:${index}`, { isForced: true });
    await collectGarbage();
  });
  await Promise.all(work);
  assert.deepEqual(names(), ['two/layers:1']);
  await assertSound();
});

test('pruneImages() removes what nothing uses, and spares what containers were made from', { skip }, async () => {
  await importImage({ file: file(LOWER), name: 'old', changes: ['LABEL keep=yes'] });
  await importImage({ file: file(UPPER), name: 'moved' });
  await importImage({ file: file(LOWER), name: 'moved', message: 'other' });
  const [loaded] = await load(dockerArchive());
  const container = path.join(locateStore().containers, 'a'.repeat(64));
  mkdirSync(container);
  writeFileSync(
    path.join(container, 'container.json'),
    JSON.stringify({
      id: 'a'.repeat(64),
      name: 'web',
      image: { id: loaded?.id, layers: [] },
      exit: null,
      monitor: null,
      createdAt: '',
      removeAtExit: false,
      command: [],
      payload: null,
    }),
  );
  assert.equal((await pruneImages({ all: false })).deleted.length, 1);
  assert.deepEqual(names(), ['moved:latest', 'old:latest', 'two/layers:1']);
  assert.deepEqual((await pruneImages({ all: true, filters: ['label!=keep'] })).untagged, ['moved:latest']);
  assert.deepEqual((await pruneImages({ all: true, filters: ['until=24h'] })).untagged, []);
  const { untagged } = await pruneImages({ all: true });
  assert.deepEqual([untagged, names()], [['old:latest'], ['two/layers:1']]);
  await assert.rejects(pruneImages({ all: true, filters: ['size=1'] }), { code: 'USAGE_INVALID' });
  await assertSound();
});

test('diskUsage() adds up to what du counts', { skip }, async () => {
  await load(dockerArchive());
  await importImage({ file: file(gzipSync(LOWER)), name: 'one' });
  await tagImage('one', 'one:again');
  const { rows, images, rest, containers } = await diskUsage();
  const sum = rows.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
  const du = await inUserns('du -sk "$1" | cut -f1', locateStore().root);
  assert.equal(sum, Number(du) * 1024);
  const once = new Map(images.map(({ manifestDigest, uniqueBytes }) => [manifestDigest, uniqueBytes]));
  const parts = [...once.values(), ...[...containers, ...rest].map(({ sizeBytes }) => sizeBytes)];
  assert.equal(
    parts.reduce((total, sizeBytes) => total + sizeBytes, 0),
    sum,
    'with -v as well',
  );
  assert.ok(rows.every(({ sizeBytes, reclaimableBytes }) => reclaimableBytes <= sizeBytes));
  assert.deepEqual(
    images.map(({ sharedBytes }) => sharedBytes > 0),
    [true, true, true],
    'both have the lower layer',
  );
});

test(
  'collectGarbage() finds what crashes left, keeps what is young unless told, and deletes nothing when an image is damaged',
  { skip },
  async () => {
    await load(dockerArchive());
    await importImage({ file: file(gzipSync(UPPER)), name: 'other' });
    const store = locateStore();
    const stray = path.join(store.images, 'blobs/sha256', 'c'.repeat(64));
    const layer = path.join(store.layers, `sha256-${'d'.repeat(64)}`);
    const half = path.join(store.staging, 'image_1_1_00000000-0000-0000-0000-000000000000_aaaaaaaa');
    writeFileSync(stray, 'stray');
    for (const directory of [layer, half]) mkdirSync(path.join(directory, 'fs'), { recursive: true });
    writeFileSync(path.join(layer, 'layer.json'), '{}');
    const kinds = (found: Awaited<ReturnType<typeof collectGarbage>>): string[] =>
      found.garbage.map(({ kind }) => kind);
    assert.deepEqual(kinds(await collectGarbage({ dryRun: true })), ['layer', 'unfinished']);
    assert.deepEqual(kinds(await collectGarbage({ dryRun: true, all: true })), ['layer', 'blob', 'unfinished']);
    const { id } = resolveImage(store, 'other');
    const config = path.join(store.images, 'blobs', id.replace(':', '/'));
    const was = readFileSync(config);
    writeFileSync(config, 'x');
    const careful = await collectGarbage({ all: true });
    assert.match(careful.problems.join(), /damaged/u);
    assert.deepEqual([existsSync(stray), existsSync(layer), existsSync(half)], [true, true, false]);
    writeFileSync(config, was);
    await collectGarbage({ all: true });
    assert.deepEqual([existsSync(stray), existsSync(layer)], [false, false]);
    assert.deepEqual(names(), ['other:latest', 'two/layers:1']);
    await assertSound();
  },
);
