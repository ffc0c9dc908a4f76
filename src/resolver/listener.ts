/** One address at which questions are heard, over UDP and TCP; the resolver. */
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import type { Transport } from './forward.ts';
import { frameMessage, hearMessages } from './dns-stream.ts';

/** A question from somebody; `reply` may come later, or never. */
export interface Heard {
  readonly packet: Buffer;
  readonly asker: string;
  readonly transport: Transport;
  readonly reply: (answer: Buffer) => void;
}

type Hear = (heard: Heard) => void;

/** Of all containers of a network, and of one: who opens them without end must leave some to the others. */
const MAX_CONNECTIONS = 128;
const MAX_CONNECTIONS_EACH = 16;
const IDLE_MS = 10_000;
/** Some of the longest answers. An asker that asks and asks and reads nothing would fill our memory. */
const MAX_UNREAD_BYTES = 512 * 1024;

export class Listener {
  private readonly datagrams: DatagramSocket;
  private readonly server: Server;
  private readonly connections = new Set<Socket>();

  private constructor(hear: Hear, isSix: boolean) {
    this.datagrams = createSocket({ type: isSix ? 'udp6' : 'udp4', ipv6Only: isSix }, (packet, { address, port }) => {
      const reply = (answer: Buffer): void => this.sendTo(answer, { address, port });
      hear({ packet, asker: address, transport: 'udp', reply });
    });
    this.server = createServer((socket) => this.accept(socket, hear));
    this.server.maxConnections = MAX_CONNECTIONS;
  }

  /** Bound when it resolves; throws the error of bind(2), and then holds nothing. */
  static async open(address: string, port: number, hear: Hear): Promise<Listener> {
    const listener = new Listener(hear, isIPv6(address));
    try {
      listener.datagrams.bind({ address, port });
      await once(listener.datagrams, 'listening');
      listener.server.listen({ host: address, port: listener.datagrams.address().port });
      await once(listener.server, 'listening');
    } catch (error) {
      listener.close();
      throw error;
    }
    // From now on they concern one asker, who has gone.
    listener.datagrams.on('error', () => undefined);
    listener.server.on('error', () => undefined);
    return listener;
  }

  get port(): number {
    return this.datagrams.address().port;
  }

  close(): void {
    this.closeDatagrams();
    this.server.close();
    for (const socket of this.connections) socket.destroy();
  }

  private isOpen = true;

  private closeDatagrams(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.datagrams.close();
  }

  private sendTo(answer: Buffer, { address, port }: { readonly address: string; readonly port: number }): void {
    if (this.isOpen) this.datagrams.send(answer, port, address, () => undefined);
  }

  private accept(socket: Socket, hear: Hear): void {
    const asker = socket.remoteAddress;
    if (asker === undefined || this.connectionsOf(asker) >= MAX_CONNECTIONS_EACH) {
      socket.destroy();
      return;
    }
    this.connections.add(socket);
    socket.on('close', () => this.connections.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    const reply = (answer: Buffer): void => {
      if (socket.writableLength > MAX_UNREAD_BYTES) socket.destroy();
      if (socket.writable) socket.write(frameMessage(answer));
    };
    hearMessages(socket, (packet) => {
      if (!socket.destroyed) hear({ packet, asker, transport: 'tcp', reply });
    });
  }

  private connectionsOf(asker: string): number {
    return [...this.connections].filter(({ remoteAddress }) => remoteAddress === asker).length;
  }
}
