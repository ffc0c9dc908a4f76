/** Asks name servers outside for what the containers' networks do not know; the resolver, with sockets in the hub's network namespace. */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { isAnswerTo, RCODE, rcodeOf, withId, writeFailure, type Question } from './dns-message.ts';
import { frameMessage, hearMessages } from './dns-stream.ts';

export type Transport = 'udp' | 'tcp';

export interface Forwarding {
  /** The message as it came. */
  readonly packet: Buffer;
  readonly question: Question;
  readonly servers: readonly string[];
  readonly port: number;
  /** For each server. */
  readonly timeoutMs: number;
  /** As the asker's own: one that was told over UDP that the answer is too long comes again over TCP. */
  readonly transport: Transport;
}

/** The first answer of worth, under the number of the question: servers are asked in order; SERVFAIL when none has answered. */
export async function forward(forwarding: Forwarding): Promise<Buffer> {
  const { question, servers } = forwarding;
  let answer: Buffer | null = null;
  for (const server of servers) {
    answer = (await ask(forwarding, server)) ?? answer;
    if (answer !== null && isOfWorth(answer)) break;
  }
  return answer === null ? writeFailure(question, RCODE.failed) : withId(answer, question.id);
}

/** A server that fails or refuses leaves it to the next one. */
function isOfWorth(answer: Buffer): boolean {
  const rcode = rcodeOf(answer);
  return rcode === RCODE.ok || rcode === RCODE.noSuchName;
}

/** Null: nothing came in time, or nobody is there. The number is one of our own, so that an asker cannot choose what strangers must guess. */
async function ask(forwarding: Forwarding, server: string): Promise<Buffer | null> {
  const id = randomInt(0x10000);
  const request = withId(forwarding.packet, id);
  const isOurs = (answer: Buffer): boolean => isAnswerTo(answer, { question: forwarding.question, id });
  const once = forwarding.transport === 'udp' ? askByUdp : askByTcp;
  return once({ ...forwarding, server, request, isOurs });
}

interface Attempt extends Forwarding {
  readonly server: string;
  readonly request: Buffer;
  readonly isOurs: (answer: Buffer) => boolean;
}

/** From a port of its own each time, connected: the kernel lets in what comes from the server alone. */
function askByUdp({ server, port, timeoutMs, request, isOurs }: Attempt): Promise<Buffer | null> {
  const socket = createSocket(isIPv6(server) ? 'udp6' : 'udp4');
  return settle(
    timeoutMs,
    () => socket.close(),
    (done) => {
      socket.on('error', () => done(null));
      socket.on('message', (answer) => {
        if (isOurs(answer)) done(answer);
      });
      socket.on('connect', () => socket.send(request));
      socket.connect(port, server);
    },
  );
}

function askByTcp({ server, port, timeoutMs, request, isOurs }: Attempt): Promise<Buffer | null> {
  const socket = connect({ port, host: server });
  return settle(
    timeoutMs,
    () => socket.destroy(),
    (done) => {
      socket.on('error', () => done(null));
      socket.on('close', () => done(null));
      hearMessages(socket, (answer) => {
        if (isOurs(answer)) done(answer);
      });
      socket.write(frameMessage(request));
    },
  );
}

type Done = (answer: Buffer | null) => void;

/** What `start` comes to, or null after the time; `end` is called once either way. */
function settle(timeoutMs: number, end: () => void, start: (done: Done) => void): Promise<Buffer | null> {
  return new Promise((resolve) => {
    let isDone = false;
    const done: Done = (answer) => {
      if (isDone) return;
      isDone = true;
      clearTimeout(timer);
      end();
      resolve(answer);
    };
    const timer = setTimeout(() => done(null), timeoutMs);
    start(done);
  });
}
