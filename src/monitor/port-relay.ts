/** A port of the host at an IPv6 address that leads on to one at 127.0.0.1, where slirp4netns listens; in the monitor or the hub, on the host's side. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { shedMemoryLater } from './shed-memory.ts';

const INNER_ADDRESS = '127.0.0.1';
/** The kernel takes the smaller of it and net.core.somaxconn. Source: listen(2). */
const BACKLOG = 4096;

/** So many connections leave something behind that is worth being collected. */
const MANY = 100;

export class PortRelay implements Disposable {
  private readonly server: Server;
  private readonly clients = new Set<Socket>();
  /** Since memory was given back. */
  private served = 0;
  private rest: NodeJS.Timeout | undefined;

  private constructor(server: Server, innerPort: number) {
    this.server = server;
    server.on('connection', (client) => {
      this.clients.add(client);
      client.once('close', () => {
        this.clients.delete(client);
        this.restAfterMany();
      });
      leadOn(client, innerPort);
    });
  }

  /** Listens at an IPv6 address, at `::` without IPv4. Throws the error of bind(2) or listen(2), such as EADDRINUSE. */
  static async listen(at: { readonly host: string; readonly port: number }, innerPort: number): Promise<PortRelay> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    server.listen({ ...at, ipv6Only: true, exclusive: true, backlog: BACKLOG });
    await once(server, 'listening');
    // One connection that cannot be taken, for want of descriptors, does not end the others.
    server.on('error', () => undefined);
    return new PortRelay(server, innerPort);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.rest);
    this.served = 0;
    this.server.close();
    for (const client of this.clients) client.destroy();
  }

  private restAfterMany(): void {
    this.served += 1;
    clearTimeout(this.rest);
    if (this.clients.size > 0 || this.served < MANY) return;
    this.rest = shedMemoryLater(() => (this.served = 0));
  }
}

/** Bytes pass both ways, each with its own end; where one side breaks, the other is reset. */
function leadOn(client: Socket, innerPort: number): void {
  const inner = connect({ host: INNER_ADDRESS, port: innerPort, allowHalfOpen: true, noDelay: true });
  for (const [from, to] of [
    [client, inner],
    [inner, client],
  ] as const) {
    from.pipe(to);
    from.on('error', () => to.resetAndDestroy());
    // Without an end and without an error: it was closed here.
    from.once('close', () => {
      if (!from.readableEnded) to.destroy();
    });
  }
}
