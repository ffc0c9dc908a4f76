/** Frames on the control socket. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeFrame, encodeMessage, FRAME, FrameReader, type Frame } from '../../src/protocol/control.ts';

test('FrameReader finds the same frames however the bytes are cut', () => {
  const bytes = Buffer.concat([
    encodeMessage({ request: 'wait' }),
    encodeFrame(FRAME.output, Buffer.from([0, 1, 255])),
    encodeFrame(FRAME.error, Buffer.alloc(0)),
  ]);
  for (const size of [1, 2, 3, 7, bytes.length]) {
    const reader = new FrameReader();
    const frames: Frame[] = [];
    for (let offset = 0; offset < bytes.length; offset += size)
      frames.push(...reader.push(bytes.subarray(offset, offset + size)));
    assert.deepEqual(
      frames.map(({ kind, payload }) => [kind, payload.toString('latin1')]),
      [
        [FRAME.message, '{"request":"wait"}'],
        [FRAME.output, '\u0000\u0001\u00ff'],
        [FRAME.error, ''],
      ],
    );
  }
});

test('FrameReader refuses what is no frame before it collects it', () => {
  assert.throws(() => new FrameReader().push(Buffer.from('GET / HTTP/1.1\r\n')), /no frame/u);
  assert.throws(() => new FrameReader().push(Buffer.from([1, 255, 255, 255, 255])), /no frame/u);
});
