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

async function upload(mountFrom?: string): Promise<UploadOutcome> {
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
  return uploadBlob(repository, { descriptor, path: file, mountFrom, onProgress: () => undefined });
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
