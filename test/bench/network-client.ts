/** Clients of network-end.c, which serves in containers and on the host; in the bench. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { finished } from 'node:stream/promises';
import { tryPort } from '../../src/host/host-port.ts';

const PATIENCE_MS = 10_000;

/** The server on the host, at every address: whoever is in a container has to send somewhere. */
export async function launchEnd(program: string): Promise<Disposable & { readonly port: number }> {
  const port = Number(await tryPort({ protocol: 'tcp', hostAddress: '0.0.0.0', hostPort: 0 }));
  const child = spawn(program, [String(port)], { stdio: 'ignore' });
  return { port, [Symbol.dispose]: () => void child.kill('SIGKILL') };
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('no answer')));
  await once(socket, 'connect');
  return socket;
}

/** Sends so many mebibytes and waits until the other end has them. */
export async function sendTo(port: number, mebibytes: number): Promise<void> {
  const socket = await open(port);
  const part = Buffer.alloc(1 << 20);
  socket.write('t');
  for (let sent = 0; sent < mebibytes; sent += 1) if (!socket.write(part)) await once(socket, 'drain');
  const answer = once(socket, 'data');
  socket.end();
  await answer;
  socket.destroy();
}

/** Makes so many connections, `atOnce` at a time, each for one byte there and one back; the server closes. Throws when one gets no answer. */
export async function shortConnections(port: number, total: number, atOnce: number): Promise<void> {
  let left = total;
  const work = async (): Promise<void> => {
    while ((left -= 1) >= 0) {
      const socket = await open(port);
      socket.write('s');
      socket.resume();
      await finished(socket);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

/** One byte there and back on one connection, so many times. */
export async function roundTrips(port: number, count: number): Promise<void> {
  const socket = await open(port);
  socket.write('e');
  for (let turn = 0; turn < count; turn += 1) {
    socket.write('x');
    await once(socket, 'data');
  }
  socket.destroy();
}
