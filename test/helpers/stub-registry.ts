/** A registry inside the test process that serves images from memory, and misbehaves as a test wants; it counts what it serves. */

import { readFileSync } from 'node:fs';
import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SampleBlob, SampleImage } from './sample-image.ts';
import type { KeyPair } from './test-authority.ts';

/** Answers a request itself, or has it answered as it should be by `next`. */
export type Behaviour = (request: IncomingMessage, response: ServerResponse, next: () => unknown) => unknown;

export interface Pace {
  readonly pieceBytes: number;
  readonly pauseMs: number;
}

export interface StubRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly url: string;
  /** Everything that was asked, with the headers that came along. */
  readonly requests: readonly { readonly line: string; readonly headers: IncomingMessage['headers'] }[];
  /** Bytes of a blob that were handed to the network so far. */
  served(digest: string): number;
  /** Serves an image under a tag (and its digest) in every repository. */
  add(tag: string, image: SampleImage): void;
  addManifest(tag: string, manifest: SampleBlob): void;
  /** From now on; without an argument it behaves well. */
  behave(behaviour?: Behaviour): void;
  /** Serves blobs piece by piece, so that a test can step in between; at once again without an argument. */
  pace(pace?: Pace): void;
  /** Forgets what was asked and served. */
  reset(): void;
  stop(): Promise<void>;
}

export async function startStub(tls?: KeyPair): Promise<StubRegistry> {
  const blobs = new Map<string, SampleBlob>();
  const manifests = new Map<string, SampleBlob>();
  const served = new Map<string, number>();
  const requests: { line: string; headers: IncomingMessage['headers'] }[] = [];
  const wellBehaved: Behaviour = (_request, _response, next) => next();
  let behaviour = wellBehaved;
  let pace: Pace | undefined;
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    requests.push({ line: `${request.method ?? ''} ${request.url ?? ''}`, headers: request.headers });
    const record = (blob: SampleBlob, bytes: Buffer): void => {
      served.set(blob.digest, (served.get(blob.digest) ?? 0) + bytes.length);
    };
    behaviour(request, response, () => serve({ blobs, manifests, record, pace }, request, response));
  };
  const server =
    tls === undefined
      ? createPlainServer(answer)
      : createTlsServer({ cert: readFileSync(tls.certFile), key: readFileSync(tls.keyFile) }, answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const addManifest = (tag: string, manifest: SampleBlob): void => {
    manifests.set(tag, manifest);
    manifests.set(manifest.digest, manifest);
  };
  return {
    host,
    url: `${tls === undefined ? 'http' : 'https'}://${host}`,
    requests,
    served: (digest) => served.get(digest) ?? 0,
    add: (tag, image) => {
      addManifest(tag, image.manifest);
      for (const blob of [image.config, ...image.layers]) blobs.set(blob.digest, blob);
    },
    addManifest,
    behave: (wanted = wellBehaved) => {
      behaviour = wanted;
    },
    pace: (wanted) => {
      pace = wanted;
    },
    reset: () => {
      requests.length = 0;
      served.clear();
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Content {
  readonly blobs: ReadonlyMap<string, SampleBlob>;
  readonly manifests: ReadonlyMap<string, SampleBlob>;
  readonly record: (blob: SampleBlob, bytes: Buffer) => void;
  readonly pace: Pace | undefined;
}

function serve({ blobs, manifests, record, pace }: Content, request: IncomingMessage, response: ServerResponse): void {
  const [, kind = '', name = ''] = /^\/v2\/.+\/(manifests|blobs)\/([^/?]+)$/u.exec(request.url ?? '') ?? [];
  if (request.url === '/v2/') {
    response.end('{}');
    return;
  }
  const found = kind === 'manifests' ? manifests.get(name) : blobs.get(name);
  if (found === undefined) {
    response.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}');
    return;
  }
  const from = Number(/^bytes=(\d+)-$/u.exec(request.headers.range ?? '')?.[1] ?? 0);
  const bytes = found.bytes.subarray(from);
  response.writeHead(from > 0 ? 206 : 200, headersOf(kind, found, from));
  if (kind === 'blobs' && pace !== undefined) {
    void sendPaced(response, bytes, pace, (piece) => record(found, piece));
    return;
  }
  record(found, bytes);
  response.end(bytes);
}

function headersOf(kind: string, { mediaType, size }: SampleBlob, from: number): Record<string, string> {
  const type = kind === 'manifests' ? mediaType : 'application/octet-stream';
  const whole = { 'Content-Type': type, 'Content-Length': String(size - from) };
  return from === 0 ? whole : { ...whole, 'Content-Range': `bytes ${from}-${size - 1}/${size}` };
}

async function sendPaced(
  response: ServerResponse,
  bytes: Buffer,
  { pieceBytes, pauseMs }: Pace,
  onSent: (piece: Buffer) => void,
): Promise<void> {
  for (let at = 0; at < bytes.length && !response.destroyed; at += pieceBytes) {
    const piece = bytes.subarray(at, at + pieceBytes);
    onSent(piece);
    response.write(piece);
    await sleep(pauseMs);
  }
  response.end();
}
