/** One HTTP request at a time, with time limits, proxies and each registry's own certificates; on the host's side. */
import { Agent as HttpAgent, request as requestPlain, type ClientRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as requestTls } from 'node:https';
import { pipeline } from 'node:stream/promises';
import type { Readable } from 'node:stream';
import { isLoopbackHost, hostnameOf, isLocalAddress, lookupElsewhere, refusedAddress } from './addresses.ts';
import { connectionFailed, registryFailed, shownUrl } from './failures.ts';
import type { Limits } from './limits.ts';
import { readTrust } from './trust.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Made anew for each attempt. */
  readonly body?: (() => Readable | Buffer) | undefined;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** Where it came from, after redirects. */
  readonly url: URL;
  readonly body: IncomingMessage;
}

export interface Transport {
  readonly limits: Limits;
  /**
   * Sends one request; follows nothing. REGISTRY_FAILED when there is no answer in time.
   * @param mayBeLocal false for an address that came from outside: this machine and its link are then out of reach.
   */
  send(request: HttpRequest, mayBeLocal: boolean): Promise<HttpAnswer>;
  /** Closes idle connections. */
  close(): void;
}

export interface TransportOptions {
  readonly limits: Limits;
  /** Whether the certificate of this host (with its port) must be valid. */
  readonly isVerified: (host: string) => boolean;
  /** A directory with the certificates for this host, in place of certs.d/HOST. */
  readonly certDirectory?: ((host: string) => string | undefined) | undefined;
  readonly env?: NodeJS.ProcessEnv;
}

/** A transport for one pull, push or login; close() ends what it keeps open. */
export function createTransport(options: TransportOptions): Transport {
  const { limits } = options;
  const agents = new Map<string, HttpAgent>();
  const agentFor = (url: URL, isGuarded: boolean): HttpAgent => {
    const key = `${url.origin} ${String(isGuarded)}`;
    const agent = agents.get(key) ?? makeAgent(url, isGuarded, options);
    agents.set(key, agent);
    return agent;
  };
  return {
    limits,
    async send(request, mayBeLocal) {
      const hostname = hostnameOf(request.url.host);
      if (!mayBeLocal && (isLoopbackHost(hostname) || isLocalAddress(hostname))) throw refusedAddress(request.url.host);
      try {
        return await exchange(request, agentFor(request.url, !mayBeLocal), limits);
      } catch (error) {
        throw connectionFailed(request.url, error);
      }
    },
    close() {
      for (const agent of agents.values()) agent.destroy();
    },
  };
}

function makeAgent(
  url: URL,
  isGuarded: boolean,
  { isVerified, certDirectory, env = process.env }: TransportOptions,
): HttpAgent {
  const proxies = isLoopbackHost(url.host) ? {} : proxiesOf(env);
  const hasProxy = Object.keys(proxies).length > 0;
  // Behind a proxy it is the proxy that resolves names, and the proxy itself may well be local.
  const guard = isGuarded && !hasProxy ? { lookup: lookupElsewhere } : {};
  const common = { keepAlive: true, ...guard, ...(hasProxy ? { proxyEnv: proxies } : {}) };
  if (url.protocol === 'http:') return new HttpAgent(common);
  const { ca, cert, key, rejectUnauthorized } = readTrust(url.host, isVerified(url.host), {
    env,
    directory: certDirectory?.(url.host),
  });
  return new HttpsAgent({
    ...common,
    rejectUnauthorized,
    ...(ca.length === 0 ? {} : { ca: [...ca] }),
    ...(cert.length === 0 ? {} : { cert: [...cert], key: [...key] }),
  });
}

function proxiesOf(env: NodeJS.ProcessEnv): Record<string, string> {
  const pairs = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].flatMap((name) => {
    const value = env[name.toLowerCase()] ?? env[name] ?? '';
    return value === '' ? [] : [[name, value] as const];
  });
  return pairs.every(([name]) => name === 'NO_PROXY') ? {} : Object.fromEntries(pairs);
}

async function exchange(request: HttpRequest, agent: HttpAgent, limits: Limits): Promise<HttpAnswer> {
  const { method, url, headers, signal } = request;
  const send = url.protocol === 'https:' ? requestTls : requestPlain;
  const outgoing = send(url, { method, headers: { 'User-Agent': 'hutch', ...headers }, agent, signal });
  const late = setTimeout(() => {
    outgoing.destroy(
      registryFailed(`${url.host} gave no answer within ${String(limits.answerMs / 1000)} s`, { isTransient: true }),
    );
  }, limits.answerMs);
  try {
    const answered = answerOf(outgoing);
    // An answer that comes before the body is out (a refusal) ends the sending.
    await Promise.race([answered, sendBody(outgoing, request.body, () => late.refresh()).then(() => answered)]);
    const body = await answered;
    body.on('error', () => undefined);
    return { status: body.statusCode ?? 0, headers: body.headers, url, body };
  } finally {
    clearTimeout(late);
  }
}

function answerOf(outgoing: ClientRequest): Promise<IncomingMessage> {
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve);
    // Stays: what breaks later is seen by whoever reads the body.
    outgoing.on('error', reject);
  });
  answer.catch(() => undefined);
  return answer;
}

async function sendBody(outgoing: ClientRequest, body: HttpRequest['body'], onSent: () => void): Promise<void> {
  const content = body?.();
  if (content === undefined || Buffer.isBuffer(content)) {
    outgoing.end(content);
    return;
  }
  content.on('data', onSent);
  await pipeline(content, outgoing);
}

/**
 * The bytes of an answer as they come. REGISTRY_FAILED when it breaks off, or brings less than the limits ask for within
 * their time. Leaving the loop early closes the connection.
 */
export async function* bytesOf({ body, url }: HttpAnswer, limits: Limits): AsyncGenerator<Buffer> {
  let recent = 0;
  const watch = setInterval(() => {
    if (recent < limits.stallBytes)
      body.destroy(registryFailed(`${shownUrl(url)} sends nothing any more`, { isTransient: true }));
    recent = 0;
  }, limits.stallMs);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      recent += chunk.length;
      yield chunk;
    }
  } catch (error) {
    throw connectionFailed(url, error);
  } finally {
    clearInterval(watch);
    body.destroy();
  }
}

/** The whole of a small answer. REGISTRY_FAILED when it is longer than `mostBytes`, or is not there in time. */
export async function readSmall(answer: HttpAnswer, limits: Limits, mostBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  const late = setTimeout(() => {
    answer.body.destroy(registryFailed(`${shownUrl(answer.url)} takes too long`, { isTransient: true }));
  }, limits.smallBodyMs);
  try {
    for await (const chunk of bytesOf(answer, limits)) {
      sizeBytes += chunk.length;
      if (sizeBytes > mostBytes)
        throw registryFailed(`${shownUrl(answer.url)} sends more than ${String(mostBytes)} bytes`);
      parts.push(chunk);
    }
    return Buffer.concat(parts);
  } finally {
    clearTimeout(late);
  }
}

/** Reads an answer to its end for the connection's sake, or closes it when that would take long. */
export async function drain(answer: HttpAnswer, limits: Limits): Promise<void> {
  await readSmall(answer, limits, 64 << 10).catch(() => undefined);
}
