/** The name server of a user's networks: hears questions at each gateway and answers them; the resolver, in the hub's network namespace. */
import type { ResolverTable } from '../protocol/hub.ts';
import { answerQuestion } from './answer.ts';
import { RCODE, readQuestion, writeAnswer, writeFailure, type Question } from './dns-message.ts';
import { forward } from './forward.ts';
import { Listener, type Heard } from './listener.ts';

export interface DnsServerOptions {
  readonly port?: number;
  /** Asked for containers that name no name server; by default slirp4netns, which asks the host's. */
  readonly hostNameServer?: string;
  readonly upstreamPort?: number;
  /** For each server that is asked. */
  readonly timeoutMs?: number;
  /** Questions of others that are under way at one time, of all containers and of one; more fail at once. */
  readonly limits?: { readonly all: number; readonly each: number };
}

const PORT = 53;
/** slirp4netns(1): the name server that it has in its network. */
const SLIRP_NAME_SERVER = '10.0.2.3';
const TIMEOUT_MS = 2000;
/** One container that asks without end must leave some to the others. */
const LIMITS = { all: 512, each: 128 };
const MAX_TCP_BYTES = 65_535;

const NOTHING: ResolverTable = { event: 'hub_tells', listen: [], names: [], clients: [] };

export class DnsServer {
  private readonly options: Required<DnsServerOptions>;
  private readonly listeners = new Map<string, Listener>();
  /** Questions under way, by who asks. */
  private readonly underWay = new Map<string, number>();
  private table = NOTHING;
  private turn = 0;
  private updated: Promise<void> = Promise.resolve();
  private isClosed = false;

  constructor(options: DnsServerOptions = {}) {
    this.options = {
      port: PORT,
      hostNameServer: SLIRP_NAME_SERVER,
      upstreamPort: PORT,
      timeoutMs: TIMEOUT_MS,
      limits: LIMITS,
      ...options,
    };
  }

  /** Answers from this table from now on; resolves when it listens where the table says, and rejects with the error of bind(2). */
  update(table: ResolverTable): Promise<void> {
    this.table = table;
    this.updated = this.updated.catch(() => undefined).then(() => this.listenAsTold());
    return this.updated;
  }

  close(): void {
    this.isClosed = true;
    for (const listener of this.listeners.values()) listener.close();
    this.listeners.clear();
  }

  /** Where it listens. */
  get addresses(): { readonly address: string; readonly port: number }[] {
    return [...this.listeners].map(([address, { port }]) => ({ address, port }));
  }

  private async listenAsTold(): Promise<void> {
    const wanted = new Set(this.table.listen.map(({ address }) => address));
    for (const [address, listener] of this.listeners) if (!wanted.has(address)) this.drop(address, listener);
    const missing = [...wanted].filter((address) => !this.listeners.has(address));
    const results = await Promise.allSettled(missing.map((address) => this.listenAt(address)));
    // Those that could be opened serve their networks all the same.
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  private drop(address: string, listener: Listener): void {
    listener.close();
    this.listeners.delete(address);
  }

  private async listenAt(address: string): Promise<void> {
    const listener = await Listener.open(address, this.options.port, (heard) => this.hear(heard));
    if (this.isClosed) listener.close();
    else this.listeners.set(address, listener);
  }

  private hear(heard: Heard): void {
    const question = readQuestion(heard.packet);
    if (question === null) return;
    if ('rcode' in question) heard.reply(writeFailure(question, question.rcode));
    else this.answer(heard, question);
  }

  private answer(heard: Heard, question: Question): void {
    const { asker, transport, reply } = heard;
    const answer = answerQuestion(this.table, { question, asker, turn: this.turn });
    if (answer.kind === 'forward') {
      void this.askOthers(heard, question, answer.nameServers);
      return;
    }
    if (answer.records.length > 1) this.turn += 1;
    reply(writeAnswer(question, { ...answer, limit: transport === 'udp' ? question.udpBytes : MAX_TCP_BYTES }));
  }

  private async askOthers(heard: Heard, question: Question, nameServers: readonly string[]): Promise<void> {
    const { packet, asker, transport, reply } = heard;
    const { hostNameServer, upstreamPort: port, timeoutMs } = this.options;
    if (!this.begin(asker)) {
      reply(writeFailure(question, RCODE.failed));
      return;
    }
    const servers = nameServers.length > 0 ? nameServers : [hostNameServer];
    try {
      reply(await forward({ packet, question, servers, port, timeoutMs, transport }));
    } finally {
      this.end(asker);
    }
  }

  private begin(asker: string): boolean {
    const { all, each } = this.options.limits;
    const own = this.underWay.get(asker) ?? 0;
    const sum = [...this.underWay.values()].reduce((total, count) => total + count, 0);
    if (own >= each || sum >= all) return false;
    this.underWay.set(asker, own + 1);
    return true;
  }

  private end(asker: string): void {
    const left = (this.underWay.get(asker) ?? 1) - 1;
    if (left === 0) this.underWay.delete(asker);
    else this.underWay.set(asker, left);
  }
}
