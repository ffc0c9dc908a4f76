/** DNS over TCP: each message with its length before it. Source: RFC 1035 §4.2.2. */
import type { Socket } from 'node:net';

/** Calls `hear` with each whole message that a connection brings. */
export function hearMessages(socket: Socket, hear: (message: Buffer) => void): void {
  let unread: Buffer = Buffer.alloc(0);
  socket.on('data', (bytes: Buffer) => {
    unread = Buffer.concat([unread, bytes]);
    while (unread.length >= 2 && unread.length >= 2 + unread.readUInt16BE(0)) {
      const end = 2 + unread.readUInt16BE(0);
      hear(Buffer.from(unread.subarray(2, end)));
      unread = unread.subarray(end);
    }
  });
}

export function frameMessage(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}
