/**
 * PROGRAM hub: the networks of one user, `hub SOCKET`, as long as a monitor holds a connection. On the host's side, in a session of its own; it has
 * no state but the kernel's, and what it holds goes with it.
 */
import { chmodSync, closeSync, rmSync, writeSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { isHutchError } from '../errors/hutch-error.ts';
import { isSocketOfOurs } from '../monitor/peer.ts';
import { createLineParser, type HubAnswer, type HubRequest } from '../protocol/hub.ts';
import { openSyscalls } from '../syscall/syscalls.ts';
import { Hub, type Member } from './hub.ts';
import { NetworkSpace } from './network-space.ts';
import { takeOwnScope } from './own-scope.ts';
import { WayOut } from './way-out.ts';

/** What who has started us waits for: a line, empty or with why not. */
const READY_FD = 3;
/** For a monitor that was just about to connect. */
const LINGER_MS = 100;

interface Parts {
  readonly hub: Hub;
  readonly space: NetworkSpace;
  readonly wayOut: WayOut;
}

const connections = new Set<Socket>();
/** What is done to the networks is done one by one. */
let work: Promise<unknown> = Promise.resolve();

function inTurn<T>(act: () => Promise<T>): Promise<T> {
  const result = work.then(act);
  work = result.catch(() => undefined);
  return result;
}

function say(socket: Socket, answer: HubAnswer): void {
  socket.write(`${JSON.stringify(answer)}\n`);
}

function refusal(error: unknown): HubAnswer {
  if (!(error instanceof Error)) throw error;
  const [code, hint] = isHutchError(error) ? [error.code, error.hint ?? null] : ['NETWORK_FAILED', null];
  return { event: 'hub_refuses', code, message: error.message, hint };
}

/** One monitor. */
function serve(socket: Socket, { hub }: Parts, onLeft: () => void): void {
  let member: Member | undefined;
  const obey = async (request: HubRequest): Promise<void> => {
    if (request.event === 'monitor_attaches') member ??= await hub.attach(request);
    if (member === undefined) throw new Error('not attached');
    if (request.event === 'monitor_connects') await hub.connect(member, request.wish);
    if (request.event === 'monitor_disconnects') await hub.disconnect(member, request.network);
    if (request.event === 'monitor_renames') await hub.rename(member, request.name);
    say(socket, { event: 'hub_done', endpoints: [...member.ports.values()].map(({ endpoint }) => endpoint) });
  };
  const hear = createLineParser((request) => {
    void inTurn(() => obey(request as HubRequest)).catch((error: unknown) => {
      say(socket, refusal(error));
    });
  });
  connections.add(socket);
  socket
    .setEncoding('utf8')
    .on('data', (text: string) => {
      try {
        hear(text);
      } catch {
        socket.destroy();
      }
    })
    .on('error', () => socket.destroy())
    .once('close', () => {
      connections.delete(socket);
      void inTurn(async () => {
        if (member !== undefined) await hub.detach(member);
      }).finally(onLeft);
    });
}

async function open(apiSocket: string): Promise<Parts> {
  const syscalls = openSyscalls();
  const space = await NetworkSpace.open(syscalls);
  const hubs: Hub[] = [];
  const wayOut = new WayOut({
    pid: space.pid,
    syscalls,
    apiSocket,
    onNewHelper: async () => {
      for (const hub of hubs) await hub.endOutward();
    },
    leadIPv6: () => space.leadIPv6(),
    onChange: (what, detail) => {
      for (const socket of connections) say(socket, { event: 'hub_notes', what, detail });
    },
  });
  try {
    const outer = await wayOut.start();
    await takeOwnScope([process.pid, space.pid, ...outer]);
  } catch (error) {
    space[Symbol.dispose]();
    throw error;
  }
  const hub = new Hub(space, wayOut);
  hubs.push(hub);
  return { hub, space, wayOut };
}

/** Each bearing the errors that a command shows: the code, what is wrong, and the remedy. */
function report(error?: unknown): void {
  const answer = error === undefined ? '' : JSON.stringify(refusal(error));
  writeSync(READY_FD, `${answer}\n`);
  closeSync(READY_FD);
}

async function main(path: string): Promise<void> {
  const parts = await open(`${path}.slirp`);
  const syscalls = openSyscalls();
  const end = (): void => {
    rmSync(path, { force: true });
    parts.wayOut[Symbol.dispose]();
    parts.space[Symbol.dispose]();
    process.exit(0);
  };
  const endWhenAlone = (): void => {
    setTimeout(() => {
      if (connections.size === 0) end();
    }, LINGER_MS);
  };
  const server = createServer((socket) => {
    if (isSocketOfOurs(syscalls, socket)) serve(socket, parts, endWhenAlone);
    else socket.destroy();
  });
  // Without the namespace nothing of it is left: monitors see the end of their connections and start another hub.
  void parts.space.ended.finally(end);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end);
  rmSync(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(path, resolve);
  });
  chmodSync(path, 0o600);
  report();
  setTimeout(endWhenAlone, 10_000);
}

main(process.argv[2] ?? '').catch((error: unknown) => {
  report(error);
  process.exit(1);
});
