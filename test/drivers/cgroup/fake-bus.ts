/** A bus with a systemd on it, made by hand, on a Unix socket: what it is asked is kept, and a test says what it answers. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  decodeMessage,
  encodeMessage,
  MESSAGE,
  messageLength,
  type DbusValue,
  type Message,
} from '../../../src/drivers/cgroup/systemd/dbus-message.ts';

export interface Answer {
  /** The name of an error. */
  readonly error?: string;
  readonly text?: string;
  readonly signature?: string;
  readonly body?: readonly DbusValue[];
  /** A signal that is sent before the answer. */
  readonly job?: { readonly unit: string; readonly result: string };
  readonly isSilent?: boolean;
}

export interface FakeBus extends AsyncDisposable {
  readonly path: string;
  readonly calls: readonly Message[];
  /** The words of the authentication. */
  readonly lines: readonly string[];
}

const MANAGER = 'org.freedesktop.systemd1.Manager';

/** `name` is that of the socket; `accepts`: whether it lets anybody in. */
export async function startFakeBus(
  answer: (call: Message) => Answer,
  { name = 'bus', accepts = true } = {},
): Promise<FakeBus> {
  const directory = mkdtempSync(join(tmpdir(), 'hutch-bus-'));
  const path = join(directory, name);
  const calls: Message[] = [];
  const lines: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    serve(socket, {
      line: (text) => {
        lines.push(text);
        return accepts;
      },
      call: (message) => {
        calls.push(message);
        return answer(message);
      },
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return { path, calls, lines, [Symbol.asyncDispose]: () => close(server, sockets, directory) };
}

async function close(server: Server, sockets: ReadonlySet<Socket>, directory: string): Promise<void> {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true });
}

interface Ears {
  readonly line: (text: string) => boolean;
  readonly call: (message: Message) => Answer;
}

function serve(socket: Socket, ears: Ears): void {
  let unread = Buffer.alloc(0);
  let hasBegun = false;
  socket.on('data', (bytes) => {
    unread = Buffer.concat([unread, bytes]);
    for (let end = unread.indexOf('\r\n'); !hasBegun && end >= 0; end = unread.indexOf('\r\n')) {
      const line = unread.toString('utf8', 0, end);
      unread = unread.subarray(end + 2);
      if (line === 'BEGIN') hasBegun = true;
      else socket.write(ears.line(line) ? 'OK 0123456789abcdef\r\n' : 'REJECTED EXTERNAL\r\n');
    }
    while (hasBegun) {
      const length = messageLength(unread);
      if (length === undefined || length > unread.length) return;
      const call = decodeMessage(unread.subarray(0, length));
      unread = unread.subarray(length);
      reply(socket, call, ears.call(call));
    }
  });
}

let serial = 100;

function reply(socket: Socket, call: Message, { error, text, signature, body, job, isSilent }: Answer): void {
  if (job !== undefined) socket.write(jobRemoved(job));
  if (isSilent === true) return;
  const base = { serial: (serial += 1), replySerial: call.serial };
  if (error !== undefined)
    socket.write(encodeMessage({ ...base, type: MESSAGE.error, errorName: error, signature: 's', body: [text ?? ''] }));
  else if (signature === undefined) socket.write(encodeMessage({ ...base, type: MESSAGE.reply, body: [] }));
  else socket.write(encodeMessage({ ...base, type: MESSAGE.reply, signature, body: body ?? [] }));
}

function jobRemoved({ unit, result }: { readonly unit: string; readonly result: string }): Buffer {
  return encodeMessage({
    type: MESSAGE.signal,
    serial: (serial += 1),
    path: '/org/freedesktop/systemd1',
    interface: MANAGER,
    member: 'JobRemoved',
    signature: 'uoss',
    body: [1, '/org/freedesktop/systemd1/job/1', unit, result],
  });
}
