/** Where zstd frames begin and end: found by headers, compared with what zlib made. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { constants, zstdCompressSync } from 'node:zlib';
import { createFrameSplitter } from '../../src/archive/zstd-frames.ts';

const compress = (bytes: Buffer, hasChecksum = false): Buffer =>
  zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: hasChecksum ? 1 : 0 } });
const skippable = Buffer.concat([Buffer.from([0x53, 0x2a, 0x4d, 0x18, 5, 0, 0, 0]), Buffer.from('notes')]);

/** The frames of `stream` as the splitter sees them, given in chunks of `step` bytes. */
function frames(stream: Buffer, step: number): Buffer[] {
  const splitter = createFrameSplitter();
  const found: Buffer[][] = [];
  for (let at = 0; at < stream.length; at += step) {
    for (const { bytes, isFrameStart } of splitter.split(stream.subarray(at, at + step))) {
      if (isFrameStart) found.push([]);
      found.at(-1)?.push(bytes);
    }
  }
  return found.map((pieces) => Buffer.concat(pieces));
}

test('createFrameSplitter() finds every frame whatever the chunks are, and drops skippable ones', () => {
  const parts = [
    compress(randomBytes(300)),
    compress(Buffer.alloc(400_000), true),
    compress(Buffer.alloc(0)),
    compress(randomBytes(200_000)),
    compress(Buffer.from('x'), true),
  ];
  const stream = Buffer.concat([skippable, ...parts.slice(0, 2), skippable, skippable, ...parts.slice(2), skippable]);
  for (const step of [1, 2, 3, 5, 100, 4096, stream.length])
    assert.deepEqual(frames(stream, step), parts, `chunks of ${step}`);
});

test('createFrameSplitter() refuses what is no frame', () => {
  const splitter = createFrameSplitter();
  assert.throws(() => splitter.split(Buffer.concat([compress(Buffer.from('x')), Buffer.from('junk')])), {
    code: 'ARCHIVE_INVALID',
  });
});
