/** Ports of the host: whether one can be listened at, and who does; on the host's side. */
import { createSocket } from 'node:dgram';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { errnoOf } from '../errors/hutch-error.ts';

export interface HostPort {
  readonly protocol: 'tcp' | 'udp';
  readonly hostAddress: string;
  readonly hostPort: number;
}

/** Listens there for a moment, at any port for 0: the port, or the errno such as EADDRINUSE, EACCES (below 1024), EADDRNOTAVAIL. */
export async function tryPort({ protocol, hostAddress, hostPort }: HostPort): Promise<number | string> {
  try {
    return await (protocol === 'tcp' ? tryTcp : tryUdp)(hostAddress, hostPort);
  } catch (error) {
    return errnoOf(error) ?? 'EIO';
  }
}

function tryTcp(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host, port, exclusive: true, ipv6Only: true }, () => {
      const address = server.address();
      server.close(() => {
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  });
}

function tryUdp(address: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', ipv6Only: address.includes(':') });
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ address, port, exclusive: true }, () => {
      const bound = socket.address().port;
      socket.close(() => {
        resolve(bound);
      });
    });
  });
}

export interface Listener {
  readonly command: string;
  /** Its pid, and those of its parents. */
  readonly lineage: readonly [number, ...number[]];
}

/** The process that listens at a port, as far as the kernel tells its own user: others' descriptors cannot be read. Source: proc(5). */
export function findListener({ protocol, hostPort }: HostPort): Listener | undefined {
  const sockets = new Set(
    ['', '6'].flatMap((version) => socketsAt(`/proc/self/net/${protocol}${version}`, protocol, hostPort)),
  );
  if (sockets.size === 0) return undefined;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/u.test(name)))
    if (holdsAny(pid, sockets)) return { command: commandOf(pid), lineage: lineageOf(Number(pid)) };
  return undefined;
}

const TCP_LISTEN = '0A';

/** Lines of the table: number, local address, remote address, state, …; the tenth is the inode of the socket. */
function socketsAt(table: string, protocol: HostPort['protocol'], port: number): string[] {
  const end = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return linesOf(table).flatMap((line) => {
    const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/u);
    return local.endsWith(end) && (protocol === 'udp' || state === TCP_LISTEN) ? [`socket:[${String(inode)}]`] : [];
  });
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'latin1').split('\n');
  } catch {
    return [];
  }
}

function holdsAny(pid: string, sockets: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => sockets.has(linkOf(`/proc/${pid}/fd/${fd}`)));
  } catch {
    return false;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function lineageOf(pid: number): [number, ...number[]] {
  const parent = Number(/^PPid:\t(\d+)$/mu.exec(linesOf(`/proc/${String(pid)}/status`).join('\n'))?.[1] ?? 0);
  return parent <= 1 ? [pid] : [pid, ...lineageOf(parent)];
}

function commandOf(pid: string): string {
  return linesOf(`/proc/${pid}/comm`)[0] ?? '';
}
