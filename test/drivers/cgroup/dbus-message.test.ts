/** Messages of D-Bus: bytes as the specification has them, and back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeMessage,
  encodeMessage,
  MESSAGE,
  messageLength,
  splitSignature,
  type DbusValue,
  type Message,
} from '../../../src/drivers/cgroup/systemd/dbus-message.ts';

function roundTrip(signature: string, body: readonly DbusValue[]): readonly DbusValue[] {
  const bytes = encodeMessage({ type: MESSAGE.call, serial: 7, path: '/a', member: 'M', signature, body });
  assert.equal(messageLength(bytes), bytes.length);
  return decodeMessage(bytes).body;
}

test('encodeMessage() writes the bytes that the specification prescribes', () => {
  const bytes = encodeMessage({ type: MESSAGE.call, serial: 1, path: '/', member: 'Hello', body: [] });
  const expected = [
    ...[0x6c, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0x1e, 0, 0, 0],
    // The struct of a field begins at a multiple of 8: code, signature "o", text.
    ...[1, 1, 0x6f, 0, 1, 0, 0, 0, 0x2f, 0, 0, 0, 0, 0, 0, 0],
    ...[3, 1, 0x73, 0, 5, 0, 0, 0, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0, 0, 0],
  ];
  assert.deepEqual([...bytes], expected);
});

test('a call of StartTransientUnit survives, larger than the first buffer', () => {
  const body: readonly DbusValue[] = [
    'hutch-1.scope',
    'fail',
    [
      ['Description', ['s', 'x'.repeat(5000)]],
      ['PIDs', ['au', [1, 2, 3]]],
      ['Delegate', ['b', true]],
      ['TasksMax', ['t', 0xffff_ffff_ffff_ffffn]],
    ],
    [],
  ];
  assert.deepEqual(roundTrip('ssa(sv)a(sa(sv))', body), body);
});

test('values are aligned whatever comes before them', () => {
  const body: readonly DbusValue[] = [1, 2n, 3, [4n], [[5, 6n]], ['t', 7n], 'ä', false];
  assert.deepEqual(roundTrip('ytyata(yt)vsb', body), body);
});

test('messageLength() waits for a header, and refuses what is no message', () => {
  const bytes = encodeMessage({ type: MESSAGE.call, serial: 1, path: '/', member: 'Hello', body: [] });
  assert.equal(messageLength(bytes.subarray(0, 15)), undefined);
  assert.throws(() => messageLength(Buffer.from('HTTP/1.1 400 Bad')), /not little endian/u);
  const long = Buffer.from(bytes);
  long.writeUInt32LE(0xffff_ffff, 4);
  assert.throws(() => messageLength(long), /too long/u);
});

test('decodeMessage() refuses lengths that lead out of the message', () => {
  const message: Message = { type: MESSAGE.signal, serial: 1, path: '/', member: 'S', signature: 's', body: ['abc'] };
  const bytes = encodeMessage(message);
  bytes.writeUInt32LE(1000, bytes.length - 8);
  assert.throws(() => decodeMessage(bytes), /beyond the end/u);
});

test('encodeMessage() refuses a text with a NUL and values that do not fit', () => {
  assert.throws(() => roundTrip('s', ['a\0b']), /NUL/u);
  assert.throws(() => roundTrip('ss', ['a']), /1 values for ss/u);
});

test('splitSignature() finds complete types, and refuses others', () => {
  assert.deepEqual(splitSignature('sa{sv}a(yu)v'), ['s', 'a{sv}', 'a(yu)', 'v']);
  for (const wrong of ['(', 'a', '()', 'z', '(s}']) assert.throws(() => splitSignature(wrong), /no signature/u);
});
