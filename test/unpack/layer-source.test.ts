/** The bytes of a layer: recognised, decompressed, digested, bounded. */

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { recognise } from '../../src/archive/compression.ts';
import { readLayer, type LayerDigests } from '../../src/unpack/layer-source.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'hutch-layer-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const LIMITS = { ratio: 50, ratioFromBytes: 1 << 20 };
const sha256 = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

async function read(bytes: Buffer, limits = LIMITS): Promise<LayerDigests & { readonly plain: Buffer }> {
  const file = path.join(directory, 'layer');
  writeFileSync(file, bytes);
  const fd = openSync(file, 'r');
  const chunks: Buffer[] = [];
  try {
    const digests = await readLayer({
      fd,
      limits,
      take: (chunk) => void chunks.push(Buffer.from(chunk)),
      onProgress: () => undefined,
    });
    return { ...digests, plain: Buffer.concat(chunks) };
  } finally {
    closeSync(fd);
  }
}

const plain = Buffer.concat([randomBytes(700_000), Buffer.alloc(300_000, 'text')]);

test('readLayer() digests both sides of every form', async () => {
  for (const [compression, bytes] of [
    ['none', plain],
    ['gzip', gzipSync(plain)],
    ['zstd', zstdCompressSync(plain)],
  ] as const) {
    const { plain: found, ...digests } = await read(bytes);
    assert.ok(found.equals(plain), compression);
    assert.deepEqual(digests, {
      compression,
      digest: sha256(bytes),
      diffId: sha256(plain),
      sizeBytes: bytes.length,
      archiveBytes: plain.length,
    });
  }
});

test('readLayer() reads compressed archives of several members', async () => {
  for (const compress of [gzipSync, zstdCompressSync]) {
    const bytes = Buffer.concat([compress(plain.subarray(0, 1000)), compress(plain.subarray(1000))]);
    assert.ok((await read(bytes)).plain.equals(plain), compress.name);
  }
});

test('readLayer() refuses a compressed archive that is cut short or damaged', async () => {
  for (const compress of [gzipSync, zstdCompressSync]) {
    const bytes = compress(plain);
    await assert.rejects(
      read(bytes.subarray(0, bytes.length - 1000)),
      { code: 'ARCHIVE_INVALID', message: /cut short/u },
      compress.name,
    );
    const damaged = Buffer.from(bytes);
    damaged.fill(0xff, 1000, 200_000);
    await assert.rejects(read(damaged), { code: 'ARCHIVE_INVALID' }, compress.name);
  }
});

test('readLayer() refuses a bomb, and takes what is merely well compressed', async () => {
  const zeros = Buffer.alloc(4 << 20);
  for (const compress of [gzipSync, zstdCompressSync]) {
    await assert.rejects(read(compress(zeros)), { code: 'ARCHIVE_INVALID', message: /more than 50 times/u });
    assert.equal((await read(compress(zeros), { ratio: 50, ratioFromBytes: 8 << 20 })).plain.length, zeros.length);
  }
});

test('readLayer() hands on the error of the one who takes the bytes', async () => {
  const file = path.join(directory, 'failing');
  writeFileSync(file, gzipSync(plain));
  const fd = openSync(file, 'r');
  const fail = (): never => {
    throw new TypeError('enough');
  };
  await assert.rejects(readLayer({ fd, limits: LIMITS, take: fail, onProgress: () => undefined }), {
    name: 'TypeError',
    message: 'enough',
  });
  closeSync(fd);
});

test('recognise() names what it cannot read', () => {
  assert.throws(() => recognise(Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0])), {
    code: 'ARCHIVE_INVALID',
    message: /xz/u,
    hint: /xz -d/u,
  });
  assert.throws(() => recognise(Buffer.from('BZh91')), { message: /bzip2/u });
  assert.throws(() => recognise(Buffer.alloc(0)), { message: /empty/u });
});
