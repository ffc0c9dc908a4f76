/** Uploading to a registry that misbehaves: what goes on, what is told, and who gets to see the password. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, beforeEach, describe, it } from 'node:test';
import { isHutchError } from '../../../src/errors/hutch-error.ts';
import { openRepository, type Repository } from '../../../src/images/registry/client.ts';
import { createTransport } from '../../../src/images/registry/http.ts';
import { LIMITS } from '../../../src/images/registry/limits.ts';
import { uploadBlob, type UploadOutcome } from '../../../src/images/registry/upload-blob.ts';
import type { Digest } from '../../../src/oci/image.ts';
import { digestOf } from '../../helpers/sample-image.ts';
import { startStub, type StubRegistry } from '../../helpers/stub-registry.ts';

/** More than what fits into the buffers of a connection. */
const BLOB = randomBytes(12 << 20);
const DIGEST = digestOf(BLOB) as Digest;
const PLACE = '/v2/team/app/blobs/uploads/1?_state=a%2Bb';
const SENT = `PUT ${PLACE}&digest=${DIGEST.replace(':', '%3A')}`;
const PASSWORD = { kind: 'password', username: 'me', password: 'secret' } as const;
const BASIC = `Basic ${Buffer.from('me:secret').toString('base64')}`;
/** Impatient, so that a test need not wait as a person would. */
const QUICK = { ...LIMITS, answerMs: 700, attempts: 3, backoffMs: 10 };

const scratch = mkdtempSync(path.join(tmpdir(), 'hutch-upload-'));
const file = path.join(scratch, 'blob');
writeFileSync(file, BLOB);
const [registry, stranger] = await Promise.all([startStub(), startStub()]);
const transport = createTransport({ limits: QUICK, isVerified: () => true, env: {} });
after(async () => {
  transport.close();
  await Promise.all([registry.stop(), stranger.stop()]);
  rmSync(scratch, { recursive: true });
});

type Answer = (request: IncomingMessage, response: ServerResponse) => unknown;

/** A body that comes whole is kept, and its digest is told. */
const store: Answer = async (request, response) => {
  const bytes = await buffer(request).catch(() => Buffer.alloc(0));
  stored.push(digestOf(bytes));
  response.writeHead(201, { 'docker-content-digest': digestOf(bytes) }).end();
};
const begin: Answer = (_request, response) => response.writeHead(202, { location: PLACE }).end();
const cut: Answer = (request) => {
  let seenBytes = 0;
  request.on('data', (piece: Buffer) => {
    seenBytes += piece.length;
    if (seenBytes > 1 << 20) request.socket.destroy();
  });
};

/** What came in whole. */
const stored: string[] = [];
beforeEach(() => {
  stored.length = 0;
  for (const stub of [registry, stranger]) {
    stub.reset();
    stub.behave();
  }
});

/** Answers POST and PUT; a registry that lets only `authorized` in says how to get there. */
function serve(
  stub: StubRegistry,
  { post = begin, put = store, authorized }: { post?: Answer; put?: Answer; authorized?: string },
): void {
  stub.behave((request, response, next) => {
    if (authorized !== undefined && request.headers.authorization !== authorized)
      return response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end();
    if (request.method === 'POST') return post(request, response);
    return request.method === 'PUT' ? put(request, response) : next();
  });
}

async function upload(mountFrom?: string, from = file): Promise<UploadOutcome> {
  const { signal } = new AbortController();
  const source = { domain: registry.host, path: 'team/app', insecure: false, isMirror: false };
  const repository: Repository = await openRepository({
    source,
    transport,
    credentials: PASSWORD,
    signal,
    actions: 'pull,push',
    mountFrom,
  });
  const descriptor = { mediaType: 'application/octet-stream', digest: DIGEST, size: BLOB.length };
  return uploadBlob(repository, { descriptor, path: from, mountFrom, onProgress: () => undefined });
}

const lines = (method: string, stub = registry): string[] =>
  stub.requests.map(({ line }) => line).filter((line) => line.startsWith(method));
const seenBy = (stub: StubRegistry): (string | undefined)[] =>
  stub.requests.map(({ headers }) => headers.authorization);

describe('uploadBlob()', () => {
  it('keeps the query of the address that it is given, and adds the digest', async () => {
    serve(registry, {});
    assert.equal(await upload(), 'uploaded');
    assert.deepEqual([lines('PUT'), stored], [[SENT], [DIGEST]]);
  });

  it('gets another token when the first one is refused in the middle of a body', async () => {
    let given = 0;
    registry.behave((request, response, next) => {
      if (request.url?.startsWith('/token') === true)
        return response.end(JSON.stringify({ token: `token-${String((given += 1))}`, expires_in: 300 }));
      const isWorn = request.method === 'PUT' && request.headers.authorization === 'Bearer token-1';
      if (request.headers.authorization === undefined || isWorn) {
        const realm = `Bearer realm="${registry.url}/token",service="test"`;
        // Before the body is read, as servers do it: the connection stays open for a while.
        return response.writeHead(401, { 'www-authenticate': realm }).end();
      }
      if (request.method === 'POST') return begin(request, response);
      return request.method === 'PUT' ? store(request, response) : next();
    });
    assert.equal(await upload(), 'uploaded');
    assert.ok(given >= 2);
    assert.deepEqual(stored, [DIGEST]);
    const token = registry.requests.find(({ line }) => line.startsWith('GET /token'));
    assert.match(token?.line ?? '', /scope=repository%3Ateam%2Fapp%3Apull%2Cpush/u);
    assert.equal(token?.headers.authorization, BASIC);
  });

  it('gets another token when the connection ends with the refusal, before anybody could read it', async () => {
    let given = 0;
    registry.behave((request, response, next) => {
      if (request.url?.startsWith('/token') === true)
        return response.end(JSON.stringify({ token: `token-${String((given += 1))}`, expires_in: 300 }));
      const { authorization } = request.headers;
      if (authorization === undefined)
        return response.writeHead(401, { 'www-authenticate': `Bearer realm="${registry.url}/token"` }).end();
      if (request.method === 'PUT' && authorization === 'Bearer token-1') return request.socket.resetAndDestroy();
      if (request.method === 'POST') return begin(request, response);
      return request.method === 'PUT' ? store(request, response) : next();
    });
    assert.equal(await upload(), 'uploaded');
    assert.deepEqual([lines('PUT').length, given, stored], [2, 2, [DIGEST]]);
    const puts = registry.requests.filter(({ line }) => line.startsWith('PUT'));
    assert.deepEqual(
      puts.map(({ headers }) => headers.authorization),
      ['Bearer token-1', 'Bearer token-2'],
    );
  });

  it('begins anew after a connection that was cut in the middle', async () => {
    let cuts = 2;
    serve(registry, { put: (...both) => (cuts-- > 0 ? cut(...both) : store(...both)) });
    assert.equal(await upload(), 'uploaded');
    assert.deepEqual([lines('POST').length, lines('PUT').length, stored], [3, 3, [DIGEST]]);
  });

  it('does not send again what arrived although the answer was lost', async () => {
    serve(registry, {
      put: async (request) => {
        stored.push(digestOf(await buffer(request)));
        request.socket.destroy();
        registry.behave((_request, response) => response.writeHead(200).end());
      },
    });
    assert.equal(await upload(), 'existed');
    assert.deepEqual([lines('PUT').length, stored], [1, [DIGEST]]);
  });

  for (const [what, put, words] of [
    ['is always cut', cut, /cannot talk to 127\.0\.0\.1:\d+: (?:ECONNRESET|EPIPE)/u],
    ['never answers', () => undefined, /gave no answer within 0\.7 s/u],
  ] as const)
    it(`gives up where the upload ${what}`, async () => {
      serve(registry, { put });
      await assert.rejects(upload(), (error) => isHutchError(error, 'REGISTRY_FAILED') && words.test(error.message));
      assert.equal(lines('PUT').length, QUICK.attempts);
    });

  it('goes on at another host without taking the password there', async () => {
    const post: Answer = (_request, response) => response.writeHead(202, { location: `${stranger.url}${PLACE}` }).end();
    serve(registry, { post, authorized: BASIC });
    serve(stranger, {});
    assert.equal(await upload(), 'uploaded');
    assert.deepEqual([lines('PUT', stranger), stored], [[SENT], [DIGEST]]);
    assert.deepEqual(seenBy(stranger), [undefined]);
    // The control: the registry itself gets it.
    assert.equal(seenBy(registry).at(-1), BASIC);
  });

  it('tells no password to another host that asks for one', async () => {
    const post: Answer = (_request, response) => response.writeHead(202, { location: `${stranger.url}${PLACE}` }).end();
    serve(registry, { post, authorized: BASIC });
    serve(stranger, { authorized: BASIC });
    await assert.rejects(upload(), (error) => isHutchError(error, 'REGISTRY_DENIED'));
    assert.deepEqual([...new Set(seenBy(stranger))], [undefined]);
  });

  it('believes no digest but its own', async () => {
    const wrong = `sha256:${'0'.repeat(64)}`;
    serve(registry, {
      put: (request, response) => {
        request.resume().on('end', () => response.writeHead(201, { 'docker-content-digest': wrong }).end());
      },
    });
    await assert.rejects(
      upload(),
      (error) => isHutchError(error, 'CONTENT_MISMATCH') && error.message.includes(`stored as ${wrong}`),
    );
    assert.equal(lines('PUT').length, 1);
  });

  it('mounts from another repository, and uploads where the registry does not', async () => {
    serve(registry, { post: (_request, response) => response.writeHead(201).end() });
    assert.equal(await upload('team/base'), 'mounted');
    const asked = `POST /v2/team/app/blobs/uploads/?mount=${DIGEST.replace(':', '%3A')}&from=team%2Fbase`;
    assert.deepEqual([lines('POST'), lines('PUT')], [[asked], []]);
    serve(registry, {});
    assert.equal(await upload('team/base'), 'uploaded');
    assert.deepEqual(stored, [DIGEST]);
  });
});

describe('uploadBlob() in pieces', () => {
  const PIECE = 8 << 20;

  interface Piece {
    readonly range: string;
    readonly bytes: Buffer;
  }

  /** Takes a blob in pieces only; `onPiece` may answer in its place. */
  function servePieces({
    refusal = 413,
    smallest,
    onPiece,
  }: { refusal?: number; smallest?: number; onPiece?: (...both: Parameters<Answer>) => boolean } = {}) {
    const taken: Piece[] = [];
    const size = (): number => taken.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const where = (): Record<string, string> => ({
      location: `/v2/team/app/blobs/uploads/${String(taken.length)}?_state=x`,
      range: `0-${String(Math.max(0, size() - 1))}`,
    });
    const extra = smallest === undefined ? {} : { 'oci-chunk-min-length': String(smallest) };
    registry.behave(async (request, response, next) => {
      const { method, url = '' } = request;
      if (method === 'POST')
        return response.writeHead(202, { location: '/v2/team/app/blobs/uploads/0?_state=x', ...extra }).end();
      if (method === 'GET' && url.includes('/uploads/')) return response.writeHead(204, where()).end();
      if (method === 'PATCH') {
        if (onPiece?.(request, response) === true) return undefined;
        const bytes = await buffer(request).catch(() => Buffer.alloc(0));
        taken.push({ range: request.headers['content-range'] ?? '', bytes });
        return response.writeHead(202, where()).end();
      }
      if (method !== 'PUT') return next();
      if (request.headers['content-length'] !== '0')
        return request.resume().on('end', () => response.writeHead(refusal).end());
      stored.push(digestOf(Buffer.concat(taken.map(({ bytes }) => bytes))));
      return response.writeHead(201, { 'docker-content-digest': stored.at(-1) }).end();
    });
    return taken;
  }

  it('follows where one piece is refused, from place to place', async () => {
    const taken = servePieces();
    assert.equal(await upload(), 'uploaded');
    assert.deepEqual(
      taken.map(({ range }) => range),
      [`0-${String(PIECE - 1)}`, `${String(PIECE)}-${String(BLOB.length - 1)}`],
    );
    assert.deepEqual(stored, [DIGEST]);
    assert.deepEqual([lines('POST').length, lines('PATCH')[1]], [2, 'PATCH /v2/team/app/blobs/uploads/1?_state=x']);
  });

  it('heeds how large a piece must be at least', async () => {
    const taken = servePieces({ smallest: 10 << 20 });
    assert.equal(await upload(), 'uploaded');
    assert.deepEqual([taken.length, taken[0]?.bytes.length], [2, 10 << 20]);
  });

  it('goes on where the registry is after a piece that was cut', async () => {
    let pieces = 0;
    const taken = servePieces({
      onPiece: (request) => {
        if ((pieces += 1) !== 2) return false;
        request.socket.resetAndDestroy();
        return true;
      },
    });
    assert.equal(await upload(), 'uploaded');
    assert.deepEqual([stored, taken.length], [[DIGEST], 2]);
    const sent = lines('PATCH').length;
    assert.deepEqual([sent, lines('POST').length, lines('GET /v2/team/app/blobs/uploads/').length], [3, 2, 1]);
  });

  it('begins anew when the registry has forgotten the upload', async () => {
    let forgets = 1;
    servePieces({
      onPiece: (request, response) => {
        if (forgets-- <= 0) return false;
        request.resume().on('end', () => response.writeHead(404).end());
        return true;
      },
    });
    assert.equal(await upload(), 'uploaded');
    assert.deepEqual(stored, [DIGEST]);
  });

  it('gives up where the registry takes nothing', async () => {
    servePieces({
      onPiece: (request, response) => {
        request.resume().on('end', () => response.writeHead(202, { range: '0-0' }).end());
        return true;
      },
    });
    await assert.rejects(
      upload(),
      (error) => isHutchError(error, 'REGISTRY_FAILED') && error.message.includes('takes no piece'),
    );
  });
});

describe('uploadBlob() of what is not there any more', () => {
  it('does not blame the registry', async () => {
    serve(registry, {});
    await assert.rejects(
      upload(undefined, `${file}-gone`),
      (error) => isHutchError(error, 'IMAGE_UNKNOWN') && /cannot be read any more.*ENOENT/u.test(error.message),
    );
    assert.ok(lines('PUT').length <= 1);
  });
});

describe('a push that is refused', () => {
  for (const [status, code, words] of [
    [401, 'REGISTRY_DENIED', /does not let you push to 127\.0\.0\.1:\d+\/team\/app \(DENIED: no\)/u],
    [403, 'REGISTRY_DENIED', /does not let you push/u],
    [404, 'REGISTRY_FAILED', /has no place for 127\.0\.0\.1:\d+\/team\/app \(DENIED: no\)/u],
    [405, 'REGISTRY_FAILED', /takes no pushes/u],
  ] as const)
    it(`by ${String(status)} is told in the words of a push`, async () => {
      const post: Answer = (_request, response) =>
        response
          .writeHead(status, { 'www-authenticate': 'Basic' })
          .end('{"errors":[{"code":"DENIED","message":"no"}]}');
      serve(registry, { post });
      await assert.rejects(upload(), (error) => isHutchError(error, code) && words.test(error.message));
      assert.ok(lines('POST').length <= 2);
    });
});
