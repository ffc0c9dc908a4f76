/** A port at ::1 that leads on to one at 127.0.0.1. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { tryPort } from '../../src/host/host-port.ts';
import { PortRelay } from '../../src/monitor/port-relay.ts';

const CHUNK = Buffer.alloc(1 << 20, 'hutch');
let inner: Server;
let relay: PortRelay;
let serve: (connection: Socket) => void;
let port = 0;

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function all(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

function client(): Socket {
  return connect({ host: '::1', port, allowHalfOpen: true });
}

beforeEach(async () => {
  serve = (connection) => connection.pipe(connection);
  inner = createServer({ allowHalfOpen: true }, (connection) => {
    connection.on('error', () => undefined);
    serve(connection);
  }).listen(0, '127.0.0.1');
  await once(inner, 'listening');
  port = Number(await tryPort({ protocol: 'tcp', hostAddress: '::1', hostPort: 0 }));
  relay = await PortRelay.listen({ host: '::1', port }, portOf(inner));
});
afterEach(() => {
  relay[Symbol.dispose]();
  inner.close();
});

test('PortRelay passes bytes both ways, and the end of each way by itself', async () => {
  const socket = client();
  for (let turn = 0; turn < 8; turn += 1) socket.write(CHUNK);
  socket.end();
  const answer = await all(socket);
  assert.equal(answer.length, 8 * CHUNK.length);
  assert.ok(answer.subarray(-CHUNK.length).equals(CHUNK));
});

test('PortRelay passes what a server says that closes at once', async () => {
  serve = (connection) => connection.end('bye');
  for (let turn = 0; turn < 50; turn += 1) {
    const socket = client();
    assert.equal((await all(socket)).toString(), 'bye');
    socket.destroy();
  }
});

test('PortRelay loses none of many that come at once', async () => {
  serve = (connection) => connection.end('bye');
  const answers = await Promise.all(Array.from({ length: 300 }, () => all(client().end())));
  assert.ok(answers.every((answer) => answer.toString() === 'bye'));
});

test('PortRelay breaks a connection whose other side breaks', async () => {
  serve = (connection) => {
    connection.once('data', () => connection.resetAndDestroy());
  };
  const socket = client();
  socket.write('x');
  const [error] = (await once(socket.resume(), 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNRESET');
});

test('PortRelay closes the connection of a client where nobody listens', async () => {
  inner.close();
  await once(inner, 'close');
  const socket = client();
  await assert.rejects(all(socket.end()), { code: 'ECONNRESET' });
});

test('PortRelay ends all connections with itself, and is refused a port that is taken', async () => {
  const socket = client();
  socket.on('error', () => undefined).write('x');
  await once(socket, 'data');
  await assert.rejects(PortRelay.listen({ host: '::1', port }, portOf(inner)), { code: 'EADDRINUSE' });
  relay[Symbol.dispose]();
  await once(socket.resume(), 'end');
  socket.destroy();
  assert.equal(await tryPort({ protocol: 'tcp', hostAddress: '::1', hostPort: port }), port);
});
