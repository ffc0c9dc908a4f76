/** Imports through the engine as an ordinary user: what becomes of good archives, bad ones, full disks, and killed imports. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { importImage, type ImportOptions } from '../../../src/engine/image/import-image.ts';
import { inspectImage } from '../../../src/engine/image/inspect-image.ts';
import { listImageIds, listImagesInFull } from '../../../src/engine/image/list-images.ts';
import { removeImage } from '../../../src/engine/image/remove-image.ts';
import { resolveImage } from '../../../src/images/store/find-image.ts';
import { locateStore } from '../../../src/state/store.ts';
import { removeInUserns } from '../../../src/userns/run-in-userns.ts';
import { buildTar } from '../../helpers/tar-builder.ts';
import { inUserns, unpackSkip } from '../../helpers/userns-tree.ts';

const skip = await unpackSkip();
const scratch = mkdtempSync(path.join(tmpdir(), 'hutch-import-'));
after(() => removeInUserns([scratch]));

const SMALL = buildTar([
  { name: 'bin/', flag: '5', mode: 0o755 },
  { name: 'bin/tool', content: 'tool', mode: 0o4755, uid: 1, gid: 2 },
  { name: 'etc/', flag: '5', mode: 0o755, uid: 3 },
  { name: 'etc/name', content: 'x'.repeat(5000) },
]);

let made = 0;
beforeEach(() => {
  process.env['HUTCH_DATA'] = path.join(scratch, `data-${made++}`);
  process.env['XDG_RUNTIME_DIR'] = path.join(scratch, 'run');
  mkdirSync(process.env['XDG_RUNTIME_DIR'], { recursive: true, mode: 0o700 });
});

function archive(bytes: Buffer): string {
  const file = path.join(scratch, `archive-${made++}`);
  writeFileSync(file, bytes);
  return file;
}

const importBytes = (bytes: Buffer, options: Partial<ImportOptions> = {}) =>
  importImage({ file: archive(bytes), name: 'test', ...options });

/** Everything of an image that is on disk: nothing, when an import left nothing behind. */
function leftovers(): string[] {
  const store = locateStore();
  const blobs = path.join(store.images, 'blobs', 'sha256');
  return [store.staging, store.layers, blobs].flatMap(leftIn);
}

/** The killed one's lock is nobody's any more, and goes with the next gc. */
function halfMade(staging: string): string[] {
  return readdirSync(staging).filter((name) => name !== 'downloads');
}

/** Names in a directory; the place of what is half fetched stays, but empty. */
function leftIn(directory: string): string[] {
  const names = existsSync(directory) ? readdirSync(directory) : [];
  return names.filter((name) => name !== 'downloads' || readdirSync(path.join(directory, name)).length > 0);
}

test('importImage() makes the same layer of every compression, and keeps the archive as it was', { skip }, async () => {
  const forms = [
    ['none', SMALL, /tar$/u],
    ['gzip', gzipSync(SMALL), /gzip$/u],
    ['zstd', zstdCompressSync(SMALL), /zstd$/u],
  ] as const;
  const diffIds = new Set<string>();
  for (const [compression, bytes, mediaType] of forms) {
    const { layer } = await importBytes(bytes, { name: `test:${compression}` });
    const { manifest } = resolveImage(locateStore(), `test:${compression}`);
    assert.equal(layer.compression, compression);
    assert.match(manifest.layers[0]?.mediaType ?? '', mediaType);
    assert.ok(readFileSync(path.join(locateStore().images, 'blobs', layer.digest.replace(':', '/'))).equals(bytes));
    diffIds.add(layer.diffId);
  }
  assert.equal(diffIds.size, 1);
  assert.equal(readdirSync(locateStore().layers).length, 1);
  assert.deepEqual(leftIn(locateStore().staging), []);
});

test('importImage() unpacks with owners and modes where resolveImage() says', { skip }, async () => {
  await importBytes(SMALL);
  const tree = resolveImage(locateStore(), 'test').layers[0]?.tree ?? '';
  assert.equal(
    await inUserns(`cd "$1"; stat -c '%n %u %g %a' . bin/tool etc`, tree),
    '. 0 0 755\nbin/tool 1 2 4755\netc 3 0 755\n',
  );
});

test('importImage() takes the defaults, and the same input gives the same image', { skip }, async () => {
  process.env['SOURCE_DATE_EPOCH'] = '1700000000';
  try {
    const options = { changes: ['CMD ["sh"]', 'ENV A=1'], message: 'by hand' };
    const first = await importBytes(SMALL, options);
    const second = await importBytes(SMALL, { ...options, name: 'again' });
    assert.equal(first.id, second.id);
    const inspected = inspectImage('test');
    assert.deepEqual(inspected.Config, { Cmd: ['sh'], Env: ['A=1'] });
    assert.deepEqual(
      [inspected.Created, inspected.Comment, inspected.Size],
      ['2023-11-14T22:13:20.000Z', 'by hand', 5004],
    );
    assert.deepEqual(inspected.RepoTags, ['test:latest', 'again:latest']);
    assert.deepEqual(listImageIds(), [first.id]);
  } finally {
    delete process.env['SOURCE_DATE_EPOCH'];
  }
});

test('listImagesInFull() filters', { skip }, async () => {
  await importBytes(SMALL, { name: 'a/one:1', changes: ['LABEL kind=base'] });
  await importBytes(SMALL, { name: 'two', message: 'other' });
  await importBytes(SMALL, { name: 'two', message: 'newer' });
  const repositories = (...filters: string[]) => listImagesInFull({ filters }).map(({ repository }) => repository);
  assert.deepEqual(repositories('dangling=true'), [null]);
  assert.deepEqual(repositories('reference=a/*'), ['a/one']);
  assert.deepEqual(repositories('reference=t?o:late*'), ['two']);
  assert.deepEqual(repositories('label=kind=base', 'dangling=false'), ['a/one']);
  assert.deepEqual(repositories('reference=docker.io/a/one:1', 'reference=two'), ['two', 'a/one']);
  assert.deepEqual(repositories('label!=kind', 'dangling=0'), ['two']);
  assert.deepEqual(repositories('readonly=true'), []);
  assert.deepEqual(repositories('containers=false', 'intermediate=false', 'dangling=0'), ['two', 'a/one']);
  for (const wrong of ['size=3', 'dangling=maybe', 'until=soon', 'id=xyz', 'label', '=x', 'constructor=1'])
    assert.throws(
      () => repositories(wrong),
      (error: Error) => error.message === `--filter "${wrong}" is not known`,
      wrong,
    );
});

test('listImagesInFull() filters by time and by id, and sorts', { skip }, async () => {
  const made: Record<string, string> = {};
  for (const [name, seconds] of [
    ['middle', '2000000'],
    ['oldest:x', '1000000'],
    ['newest', '3000000'],
  ] as const) {
    process.env['SOURCE_DATE_EPOCH'] = seconds;
    try {
      made[name] = (await importBytes(SMALL, { name })).id;
    } finally {
      delete process.env['SOURCE_DATE_EPOCH'];
    }
  }
  const found = (options: Parameters<typeof listImagesInFull>[0]) =>
    listImagesInFull(options).map(({ repository }) => repository);
  const filtered = (...filters: string[]) => found({ filters });
  assert.deepEqual(filtered('before=middle'), ['oldest']);
  assert.deepEqual(filtered('since=middle'), ['newest']);
  assert.deepEqual(filtered('after=oldest:x', 'before=newest'), ['middle']);
  assert.deepEqual(filtered('until=2500000'), ['middle', 'oldest']);
  assert.deepEqual(filtered('until=1970-01-20', 'until=24h'), ['oldest']);
  assert.throws(() => filtered('before=none'), { code: 'IMAGE_UNKNOWN' });
  const [first = '', second = ''] = Object.values(made);
  assert.deepEqual(filtered(`id=${first.slice(0, 17)}`), ['middle']);
  assert.deepEqual(filtered(`id=${first.slice(7, 27)}`, `id=${second}`), ['middle', 'oldest']);
  assert.deepEqual(found({}), ['newest', 'middle', 'oldest']);
  assert.deepEqual(found({ sort: 'repository' }), ['middle', 'newest', 'oldest']);
  assert.deepEqual(found({ sort: 'tag' }), ['newest', 'middle', 'oldest']);
  assert.deepEqual(
    listImagesInFull({ sort: 'id' }).map(({ id }) => id),
    Object.values(made).toSorted(),
  );
  assert.throws(() => found({ sort: 'colour' }), { code: 'USAGE_INVALID', message: /"colour"/u });
  assert.deepEqual(found({ name: 'oldest' }), ['oldest']);
  assert.deepEqual(found({ name: '*dd*:latest' }), ['middle']);
});

const BAD: readonly (readonly [title: string, bytes: Buffer, code: string, message: RegExp])[] = [
  ['cut short', SMALL.subarray(0, 3000), 'ARCHIVE_INVALID', /cut short/u],
  ['cut short in gzip', gzipSync(SMALL).subarray(0, -12), 'ARCHIVE_INVALID', /cut short/u],
  ['no tar', Buffer.from('hello world\n'.repeat(100)), 'ARCHIVE_INVALID', /no tar archive/u],
  ['gzip of no tar', gzipSync(Buffer.from('hello world\n'.repeat(100))), 'ARCHIVE_INVALID', /no tar archive/u],
  ['empty', Buffer.alloc(0), 'ARCHIVE_INVALID', /is empty/u],
  [
    'climbing',
    buildTar([{ name: 'ok/', flag: '5', uid: 9, mode: 0o700 }, { name: 'ok/file', uid: 9 }, { name: '../evil' }]),
    'ARCHIVE_INVALID',
    /climbs out/u,
  ],
  ['with unmapped ids', buildTar([{ name: 'f', pax: { uid: '100000' } }]), 'ID_UNMAPPED', /uid 100000/u],
];

for (const [title, bytes, code, message] of BAD) {
  test(`importImage() refuses an archive that is ${title} and leaves nothing`, { skip }, async () => {
    await assert.rejects(importBytes(bytes), { name: 'HutchError', code, message });
    assert.deepEqual(leftovers(), []);
    assert.deepEqual(listImageIds(), []);
  });
}

test(
  'importImage() refuses what cannot be read and names that cannot be given before it makes anything',
  { skip },
  async () => {
    await assert.rejects(importImage({ file: '/nonexistent/x.tar', name: 'a' }), {
      code: 'USAGE_INVALID',
      message: /\/nonexistent\/x\.tar: ENOENT/u,
    });
    await assert.rejects(importImage({ file: scratch, name: 'a' }), { code: 'USAGE_INVALID', message: /directory/u });
    for (const name of ['Upper', 'host', `a@sha256:${'0'.repeat(64)}`])
      await assert.rejects(importBytes(SMALL, { name }), { code: 'REFERENCE_INVALID' });
    await assert.rejects(importBytes(SMALL, { changes: ['RUN x'] }), { code: 'USAGE_INVALID' });
    assert.equal(existsSync(process.env['HUTCH_DATA'] ?? ''), false);
  },
);

test('importImage() says so when the store cannot be written', { skip }, async () => {
  const closed = path.join(scratch, 'closed');
  mkdirSync(closed, { recursive: true });
  chmodSync(closed, 0o500);
  process.env['HUTCH_DATA'] = path.join(closed, 'data');
  await assert.rejects(importBytes(SMALL), { code: 'STORE_UNWRITABLE' });
  await importBytesInto(path.join(scratch, 'half'));
  chmodSync(locateStore().staging, 0o500);
  await assert.rejects(importBytes(SMALL), { code: 'STORE_UNWRITABLE' });
  chmodSync(locateStore().staging, 0o700);
});

async function importBytesInto(data: string): Promise<void> {
  process.env['HUTCH_DATA'] = data;
  await importBytes(SMALL);
}

/** An import in a process of its own, for what cannot be done to the test's own. */
const CHILD = `
const [file, ready] = process.argv.slice(2);
const { importImage } = await import(${JSON.stringify(new URL('../../../src/engine/image/import-image.ts', import.meta.url).href)});
try { console.log((await importImage({ file, name: 'child' })).id); } catch (error) { console.log(error.code, error.message); }
`;

/**
 * Runs an import as a user with one id, on a file system of its own of 8 MB; then `look` as root there. Both only exist
 * inside a namespace of this test.
 */
async function importOnSmallDisk(file: string, look: string): Promise<string> {
  const script = path.join(scratch, 'child.mjs');
  writeFileSync(script, CHILD);
  const disk = path.join(scratch, `disk-${made++}`);
  mkdirSync(disk);
  chmodSync(scratch, 0o711);
  const setup = `mount -t tmpfs -o size=8m,mode=0700,uid=1001,gid=1001 none "$1"; mount --bind /dev/null /etc/subuid; mount --bind /dev/null /etc/subgid
    export HUTCH_DATA="$1/data" XDG_RUNTIME_DIR="$1" HOME="$1"; cd /
    setpriv --reuid 1001 --regid 1001 --clear-groups "$2" "$3" "$4"; cd "$1/data"; ${look}`;
  return inUserns(setup, disk, process.execPath, linkTree(script), file);
}

test('importImage() says so when the disk is full, and gives the space back', { skip }, async () => {
  const big = archive(gzipSync(buildTar([{ name: 'big', content: Buffer.alloc(12 << 20, 'abc') }])));
  const output = await importOnSmallDisk(big, 'find staging layers -mindepth 1 ! -name downloads; du -sk . | cut -f1');
  assert.match(output, /^STORAGE_FULL .*"big": ENOSPC\n\d{1,2}\n$/u);
  const wide = archive(buildTar([{ name: 'big', content: Buffer.alloc(12 << 20, 'abc') }]));
  assert.match(
    await importOnSmallDisk(wide, 'find staging layers -mindepth 1 ! -name downloads'),
    /^STORAGE_FULL .*\n$/u,
  );
});

test('importImage() gives everything to the one user there is when only one id is mapped', { skip }, async () => {
  const output = await importOnSmallDisk(archive(SMALL), `cd layers/*/fs; stat -c '%n %u %g %a' bin/tool etc`);
  assert.match(output, /^sha256:[0-9a-f]{64}\nbin\/tool 1001 1001 4755\netc 1001 1001 755\n$/u);
});

/** The script beside the checkout, so that the built programs are found from it. */
function linkTree(script: string): string {
  const checkout = path.resolve(import.meta.dirname, '../../..');
  const beside = path.join(scratch, 'checkout');
  mkdirSync(path.join(beside, 'dist'), { recursive: true });
  for (const name of readdirSync(path.join(checkout, 'dist'))) {
    if (!/^(unpack\.|koffi)/u.test(name)) continue;
    writeFileSync(path.join(beside, 'dist', name), readFileSync(path.join(checkout, 'dist', name)));
  }
  const place = path.join(beside, 'child.mjs');
  writeFileSync(place, readFileSync(script));
  return place;
}

test('importImage() cleans up after an import that was killed', { skip }, async () => {
  const script = path.join(scratch, 'killed.mjs');
  writeFileSync(script, CHILD);
  const many = Array.from({ length: 30_000 }, (_, index) => ({ name: `f${index}`, uid: 5, content: 'x' }));
  const child = spawn(process.execPath, [linkTree(script), archive(buildTar(many))], { stdio: 'ignore' });
  const { staging } = locateStore();
  const started = (): boolean =>
    existsSync(staging) && readdirSync(staging).some((name) => existsSync(path.join(staging, name, 'layer/fs/f100')));
  for (let tries = 0; tries < 1000 && !started(); tries += 1) await sleep(10);
  assert.ok(started(), 'the import did not begin');
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(halfMade(staging).length, 1);
  await importBytes(SMALL);
  assert.deepEqual(halfMade(staging), []);
  assert.equal(listImageIds().length, 1);
});

test('removeImage() removes what was imported, files of subordinate ids included', { skip }, async () => {
  const { id, layer } = await importBytes(SMALL);
  await assert.rejects(removeImage('host', { isForced: true }), { code: 'IMAGE_IN_USE' });
  const container = path.join(locateStore().containers, 'c1');
  mkdirSync(container);
  writeFileSync(
    path.join(container, 'container.json'),
    JSON.stringify({ id: 'c1', name: 'web', image: { id, layers: [layer.diffId] } }),
  );
  await assert.rejects(removeImage('test', { isForced: false }), { code: 'IMAGE_IN_USE', message: /container web/u });
  writeFileSync(
    path.join(container, 'container.json'),
    JSON.stringify({ id: 'c1', name: 'web', image: { id: 'host', layers: [] } }),
  );
  assert.deepEqual(await removeImage('test', { isForced: false }), {
    untagged: ['test:latest'],
    deleted: [id, layer.diffId],
  });
  assert.deepEqual(leftovers(), []);
});
