import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deleteLink, errnoOfAnswer, newVethPair } from '../../src/linux/rtnetlink.ts';

describe('newVethPair()', () => {
  const message = newVethPair({
    here: { device: 'port7', master: 0x01020304 },
    there: { device: 'eth0', mac: '02:42:0a:59:00:02', namespace: 9 },
    mtu: 65_520,
  });

  it('is one request of the length that it says, and wants an answer', () => {
    assert.equal(message.readUInt32LE(0), message.length);
    assert.equal(message.readUInt16LE(4), 16);
    assert.equal(message.readUInt16LE(6), 0x605);
  });

  it('has the near end up, on its bridge', () => {
    assert.equal(message.readUInt32LE(16 + 8), 1);
    const near = attributesOf(message.subarray(32));
    assert.equal(near.get(3)?.toString('latin1'), 'port7\0');
    assert.equal(near.get(10)?.readUInt32LE(), 0x01020304);
    assert.equal(near.get(4)?.readUInt32LE(), 65_520);
    assert.equal(near.has(1), false);
  });

  it('has the far end down, in the other namespace, with its address', () => {
    const info = attributesOf(attributesOf(message.subarray(32)).get(18) ?? Buffer.alloc(0));
    assert.equal(info.get(1)?.toString('latin1'), 'veth');
    const peer = attributesOf(info.get(2) ?? Buffer.alloc(0)).get(1) ?? Buffer.alloc(0);
    assert.equal(peer.readUInt32LE(8), 0);
    const far = attributesOf(peer.subarray(16));
    assert.equal(far.get(3)?.toString('latin1'), 'eth0\0');
    assert.equal(far.get(1)?.toString('hex'), '02420a590002');
    assert.equal(far.get(28)?.readUInt32LE(), 9);
  });
});

describe('deleteLink()', () => {
  it('names the device', () => {
    const message = deleteLink('port12');
    assert.equal(message.readUInt16LE(4), 17);
    assert.equal(attributesOf(message.subarray(32)).get(3)?.toString('latin1'), 'port12\0');
  });
});

describe('errnoOfAnswer()', () => {
  it('is what the kernel says', () => {
    const answer = Buffer.alloc(36);
    answer.writeUInt16LE(2, 4);
    answer.writeInt32LE(-17, 16);
    assert.equal(errnoOfAnswer(answer), 17);
    answer.writeInt32LE(0, 16);
    assert.equal(errnoOfAnswer(answer), 0);
  });

  it('takes nothing else', () => {
    assert.throws(() => errnoOfAnswer(Buffer.alloc(36)), RangeError);
    assert.throws(() => errnoOfAnswer(Buffer.alloc(3)), RangeError);
  });
});

/** Payloads by type; each begins at a multiple of four. */
function attributesOf(bytes: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = 0; at < bytes.length; at += Math.ceil(bytes.readUInt16LE(at) / 4) * 4)
    found.set(bytes.readUInt16LE(at + 2), bytes.subarray(at + 4, at + bytes.readUInt16LE(at)));
  return found;
}
