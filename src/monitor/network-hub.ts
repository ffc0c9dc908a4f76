/** A monitor's connection to the network hub of the user, which is started where there is none; in the monitor, on the host's side. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { HutchError, type ErrorCode } from '../errors/hutch-error.ts';
import type { Endpoint } from '../oci/endpoint.ts';
import { nodePath, programPath } from '../host/program-path.ts';
import { createLineParser, type HubAnswer, type HubRequest } from '../protocol/hub.ts';
import { withLock } from '../state/lock.ts';
import { PASSED_ON } from './start-monitor.ts';

/** A hub that ends just when it is asked is followed by another one. */
const MOST_TRIES = 5;
const READY_FD = 3;

type Note = Extract<HubAnswer, { event: 'hub_notes' }>;
type Verdict = Exclude<HubAnswer, Note>;

export class HubConnection implements Disposable {
  /** Resolves when the hub is gone. */
  readonly ended: Promise<void>;
  private readonly socket: Socket;
  private readonly waiting: ((answer: Verdict | null) => void)[] = [];

  private constructor(socket: Socket, onNote: (note: Note) => void) {
    this.socket = socket;
    const hear = createLineParser((message) => {
      const answer = message as HubAnswer;
      if (answer.event === 'hub_notes') onNote(answer);
      else this.waiting.shift()?.(answer);
    });
    socket
      .setEncoding('utf8')
      .on('data', hear)
      .on('error', () => socket.destroy());
    // Not once() of node:events, which rejects where an error comes first: a hub that is killed resets its connections.
    this.ended = new Promise((resolve) => {
      socket.once('close', () => {
        for (const answer of this.waiting.splice(0)) answer(null);
        resolve();
      });
    });
  }

  /** Connects a container by a hub that is there or is started now. As Hub.attach(); NETWORK_FAILED when no hub can be had. */
  static async attach(
    runDirectory: string,
    request: Extract<HubRequest, { event: 'monitor_attaches' }>,
    onNote: (note: Note) => void,
  ): Promise<{ readonly connection: HubConnection; readonly endpoints: readonly Endpoint[] }> {
    const path = join(runDirectory, 'network-hub');
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const socket = await reach(path);
      const connection = new HubConnection(socket, onNote);
      try {
        return { connection, endpoints: await connection.ask(request) };
      } catch (error) {
        connection[Symbol.dispose]();
        if (!(error instanceof HubGone)) throw error;
      }
    }
    throw new HutchError('the network hub ended each time it was asked to connect the container', {
      code: 'NETWORK_FAILED',
      hint: 'try again; `hutch doctor` shows what this host lacks',
    });
  }

  /** What the container has then. Errors are those of the hub. */
  async ask(request: HubRequest): Promise<readonly Endpoint[]> {
    const answer = await new Promise<Verdict | null>((resolve) => {
      if (this.socket.destroyed) {
        resolve(null);
        return;
      }
      this.waiting.push(resolve);
      this.socket.write(`${JSON.stringify(request)}\n`);
    });
    if (answer === null) throw new HubGone('the network hub has ended');
    if (answer.event === 'hub_done') return answer.endpoints;
    throw errorFrom(answer);
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

class HubGone extends Error {}

function errorFrom({ code, message, hint }: Extract<HubAnswer, { event: 'hub_refuses' }>): HutchError {
  return new HutchError(message, { code: code as ErrorCode, ...(hint === null ? {} : { hint }) });
}

async function reach(path: string): Promise<Socket> {
  const there = await tryToReach(path);
  if (there !== undefined) return there;
  return withLock(path, 'start the network hub', async () => {
    const meanwhile = await tryToReach(path);
    if (meanwhile !== undefined) return meanwhile;
    await startHub(path);
    return connectTo(path);
  });
}

function tryToReach(path: string): Promise<Socket | undefined> {
  // Nobody listens: there is no hub, or one was killed.
  return connectTo(path).catch(() => undefined);
}

async function connectTo(path: string): Promise<Socket> {
  const socket = connect(path);
  await once(socket, 'connect');
  // A hub that is on its way out may reset it before anybody else listens.
  socket.on('error', () => socket.destroy());
  return socket;
}

/** In a session of its own, and without our descriptors: it may outlive this container. */
async function startHub(path: string): Promise<void> {
  const env = Object.fromEntries(PASSED_ON.map((name) => [name, process.env[name]]));
  const argv = ['--disable-sigusr1', '--no-warnings', programPath('hub'), path];
  const child = spawn(nodePath(), argv, {
    ...{ stdio: ['ignore', 'ignore', 'ignore', 'pipe'], env, cwd: '/', detached: true },
  });
  const ready = child.stdio[READY_FD] as Readable;
  const parts: Buffer[] = [];
  child.once('error', () => ready.destroy());
  for await (const part of ready) parts.push(part as Buffer);
  child.unref();
  const words = Buffer.concat(parts).toString().trim();
  if (words !== '') throw errorFrom(JSON.parse(words) as Extract<HubAnswer, { event: 'hub_refuses' }>);
}
