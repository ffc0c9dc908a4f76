import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { createGunzip, gzipSync } from 'node:zlib';
import { freeChunk } from '../../src/archive/free-chunk.ts';

test('freeChunk() gives the memory of a chunk back, and leaves what it shares alone', () => {
  const whole = new Uint8Array(1000);
  freeChunk(whole);
  assert.equal(whole.byteLength, 0);
  const shared = new Uint8Array(1000).subarray(0, 999);
  freeChunk(shared);
  assert.equal(shared.byteLength, 999);
});

test('freeChunk() may be called on what node:zlib hands out, while it goes on', async () => {
  const plain = randomBytes(1 << 20);
  const decoder = createGunzip({ chunkSize: 1 << 16 });
  decoder.end(gzipSync(plain));
  let at = 0;
  let freed = 0;
  for await (const chunk of decoder as AsyncIterable<Buffer>) {
    assert.ok(chunk.equals(plain.subarray(at, at + chunk.length)));
    at += chunk.length;
    freeChunk(chunk);
    if (chunk.length === 0) freed += 1;
  }
  assert.equal(at, plain.length);
  assert.ok(freed > 8, 'chunks own their memory, so that there is something to free');
});
