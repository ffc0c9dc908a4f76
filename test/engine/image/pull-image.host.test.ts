/** Pulling through the engine from a registry that misbehaves: each failure is told clearly, leaves nothing visible, and can be retried. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { collectGarbage } from '../../../src/engine/image/collect-garbage.ts';
import { listImagesInFull } from '../../../src/engine/image/list-images.ts';
import { pullImage, type PulledImage, type PullOptions } from '../../../src/engine/image/pull-image.ts';
import type { TransferEvent } from '../../../src/engine/image/transfer-events.ts';
import { removeImage } from '../../../src/engine/image/remove-image.ts';
import { isHutchError, type ErrorCode } from '../../../src/errors/hutch-error.ts';
import { LIMITS } from '../../../src/images/registry/limits.ts';
import { resolveImage } from '../../../src/images/store/find-image.ts';
import { locateStore } from '../../../src/state/store.ts';
import { removeInUserns } from '../../../src/userns/run-in-userns.ts';
import { digestOf, makeBlob, makeImage, makeIndex, THIS_PLATFORM } from '../../helpers/sample-image.ts';
import { startStub, type Behaviour, type StubRegistry } from '../../helpers/stub-registry.ts';
import { makeAuthority } from '../../helpers/test-authority.ts';
import { buildTar } from '../../helpers/tar-builder.ts';
import { unpackSkip } from '../../helpers/userns-tree.ts';

const skip = await unpackSkip();
const scratch = mkdtempSync(path.join(tmpdir(), 'hutch-pull-'));
const authority = makeAuthority(scratch);
const [plain, stranger, secure] = await Promise.all([
  startStub(),
  startStub(),
  startStub(authority.issue('secure', ['DNS:registry.example'])),
]);
after(async () => {
  await Promise.all([plain, stranger, secure].map((stub) => stub.stop()));
  await removeInUserns([scratch]);
});

const file = (name: string, bytes: number): Buffer => buildTar([{ name, content: randomBytes(bytes) }]);
const LAYERS = [file('small', 1000), file('large', 1_000_000)];
const IMAGE = makeImage({ layers: LAYERS });
const [SMALL, LARGE] = IMAGE.layers;
assert.ok(SMALL !== undefined && LARGE !== undefined);
/** Impatient, so that a test need not wait as a person would. */
const QUICK = { ...LIMITS, answerMs: 500, stallMs: 300, smallBodyMs: 1000, attempts: 3, backoffMs: 10 };

let stores = 0;
beforeEach(() => {
  process.env['HUTCH_DATA'] = path.join(scratch, `data-${stores++}`);
  process.env['XDG_RUNTIME_DIR'] = path.join(scratch, 'run');
  process.env['HOME'] = path.join(scratch, 'home');
  process.env['SSL_CERT_FILE'] = authority.certFile;
  mkdirSync(process.env['XDG_RUNTIME_DIR'], { recursive: true, mode: 0o700 });
  for (const stub of [plain, stranger, secure]) stub.add('1', IMAGE);
});
afterEach(() => {
  delete process.env['CONTAINERS_REGISTRIES_CONF'];
  for (const stub of [plain, stranger, secure]) {
    stub.behave();
    stub.pace();
    stub.reset();
  }
});

const NAME = `${plain.host}/team/app:1`;
const SECURE_NAME = `${secure.host}/team/app:1`;

function pull(
  options: Partial<PullOptions> = {},
  hear: (event: TransferEvent) => void = () => undefined,
  signal = new AbortController().signal,
): Promise<PulledImage> {
  return pullImage({ name: NAME, limits: QUICK, ...options }, { signal, hear });
}

function useRegistriesConf(text: string): void {
  process.env['CONTAINERS_REGISTRIES_CONF'] = path.join(scratch, 'registries.conf');
  writeFileSync(process.env['CONTAINERS_REGISTRIES_CONF'], text);
}

const isBlob = (request: IncomingMessage, digest?: string): boolean =>
  request.url?.includes('/blobs/') === true && (digest === undefined || request.url.endsWith(digest));
const isManifest = (request: IncomingMessage): boolean => request.url?.includes('/manifests/') === true;

/** Misbehaves for the blob LARGE. */
const forLarge =
  (answer: (response: ServerResponse, request: IncomingMessage) => void): Behaviour =>
  (request, response, next) =>
    isBlob(request, LARGE.digest) ? answer(response, request) : next();
const forManifests =
  (answer: (response: ServerResponse, request: IncomingMessage) => void): Behaviour =>
  (request, response, next) =>
    isManifest(request) ? answer(response, request) : next();

/** The pull fails with this code and these words, nothing of the image is to be seen, and the next pull works. */
async function failsAndRecovers(
  stub: StubRegistry,
  behaviour: Behaviour,
  code: ErrorCode,
  words: RegExp,
  options: Partial<PullOptions> = {},
): Promise<void> {
  stub.behave(behaviour);
  await assert.rejects(pull(options), (error) => {
    assert.ok(isHutchError(error, code), String(error));
    assert.match(error.message, words);
    assert.ok(error.hint !== undefined && error.hint !== '');
    return true;
  });
  assertNothingVisible();
  stub.behave();
  assert.equal((await pull(options)).id, IMAGE.id);
  assert.equal(listImagesInFull().length, 1);
}

function assertNothingVisible(): void {
  const store = locateStore();
  assert.deepEqual(listImagesInFull(), []);
  assert.deepEqual(readdirSync(store.layers), []);
  assert.deepEqual(
    readdirSync(store.staging).filter((name) => name !== 'downloads'),
    [],
  );
}

describe('pullImage() from a registry that changes what it sends', { skip }, () => {
  it('refuses a blob with another digest', () =>
    failsAndRecovers(
      plain,
      forLarge((response) => void response.end(randomBytes(LARGE.size))),
      'CONTENT_MISMATCH',
      /another digest/u,
    ));

  it('refuses a blob that is longer than announced, without reading on', async () => {
    let written = 0;
    await failsAndRecovers(
      plain,
      forLarge((response) => {
        const more = (): void => {
          written += 1;
          if (!response.destroyed && response.write(Buffer.alloc(1 << 20))) setImmediate(more);
          else if (!response.destroyed) response.once('drain', more);
        };
        more();
      }),
      'CONTENT_MISMATCH',
      /longer than/u,
    );
    assert.ok(written < 200, `${written} MiB of an endless body`);
  });

  it('refuses a blob that is too short, after some attempts', () =>
    failsAndRecovers(
      plain,
      forLarge((response) => void response.end(LARGE.bytes.subarray(0, 1000))),
      'REGISTRY_FAILED',
      /ends after 1000 of \d+ bytes|ECONNRESET/u,
    ));

  it('refuses a layer that unpacks to something else than the configuration says', async () => {
    plain.add(
      'wrong',
      makeImage({ layers: LAYERS, diffIds: [digestOf(LAYERS[0] ?? Buffer.alloc(0)), digestOf(Buffer.from('x'))] }),
    );
    await assert.rejects(pull({ name: `${plain.host}/team/app:wrong` }), (error) =>
      isHutchError(error, 'CONTENT_MISMATCH'),
    );
    assertNothingVisible();
    assert.equal((await pull()).id, IMAGE.id);
  });

  it('refuses a manifest that is not what its digest says', () => {
    const other = makeImage({ layers: [file('other', 10)] });
    return failsAndRecovers(
      plain,
      forManifests((response) => {
        response.writeHead(200, { 'Content-Type': other.manifest.mediaType }).end(other.manifest.bytes);
      }),
      'CONTENT_MISMATCH',
      /its digest is/u,
      { name: `${plain.host}/team/app@${IMAGE.manifest.digest}` },
    );
  });

  it('refuses a manifest that is an index as well', () => {
    const fields = JSON.parse(IMAGE.manifest.bytes.toString()) as object;
    const both = makeBlob(IMAGE.manifest.mediaType, { ...fields, manifests: [] });
    return failsAndRecovers(
      plain,
      forManifests((response) => {
        response.writeHead(200, { 'Content-Type': both.mediaType }).end(both.bytes);
      }),
      'CONTENT_MISMATCH',
      /several things/u,
    );
  });

  it('refuses a manifest whose header calls it something else than it calls itself', () =>
    failsAndRecovers(
      plain,
      forManifests((response) => {
        response
          .writeHead(200, { 'Content-Type': 'application/vnd.oci.image.index.v1+json' })
          .end(IMAGE.manifest.bytes);
      }),
      'CONTENT_MISMATCH',
      /several things/u,
    ));

  it('refuses an endless manifest', () =>
    failsAndRecovers(
      plain,
      forManifests((response) => {
        response.writeHead(200, { 'Content-Type': IMAGE.manifest.mediaType });
        const more = (): void => {
          if (!response.destroyed && response.write(Buffer.alloc(1 << 18, ' '))) setImmediate(more);
          else if (!response.destroyed) response.once('drain', more);
        };
        more();
      }),
      'REGISTRY_FAILED',
      /sends more than/u,
    ));

  it('refuses what is no container image', () => {
    const artifact = makeBlob(IMAGE.manifest.mediaType, {
      schemaVersion: 2,
      mediaType: IMAGE.manifest.mediaType,
      config: { mediaType: 'application/vnd.cncf.helm.config.v1+json', digest: SMALL.digest, size: 1 },
      layers: [],
    });
    return failsAndRecovers(
      plain,
      forManifests((response) => {
        response.writeHead(200, { 'Content-Type': artifact.mediaType }).end(artifact.bytes);
      }),
      'SPEC_INVALID',
      /is not a container image/u,
    );
  });

  it('takes one manifest by tag and the rest by digest when the tag moves meanwhile', async () => {
    const later = makeImage({ layers: [file('later', 10)] });
    plain.addManifest('moving', makeIndex([{ platform: THIS_PLATFORM, image: IMAGE }]));
    plain.behave((request, _response, next) => {
      next();
      if (isManifest(request)) plain.add('moving', later);
    });
    assert.equal((await pull({ name: `${plain.host}/team/app:moving` })).id, IMAGE.id);
    assert.equal((await pull({ name: `${plain.host}/team/app:moving` })).id, later.id);
  });

  it('does not let an image that lies about a size spoil what another pull has checked', async () => {
    plain.pace({ pieceBytes: 100_000, pauseMs: 20 });
    const lie = { mediaType: LARGE.mediaType, digest: LARGE.digest, size: 10 };
    const fields = JSON.parse(IMAGE.manifest.bytes.toString()) as { config: object; layers: object[] };
    plain.addManifest('lie', makeBlob(IMAGE.manifest.mediaType, { ...fields, layers: [fields.layers[0], lie] }));
    const [honest, lying] = await Promise.allSettled([pull(), pull({ name: `${plain.host}/team/app:lie` })]);
    assert.equal(honest.status, 'fulfilled');
    assert.equal(lying.status, 'rejected');
    const stored = readFileSync(path.join(locateStore().images, 'blobs', LARGE.digest.replace(':', '/')));
    assert.equal(digestOf(stored), LARGE.digest);
  });
});

describe('pullImage() from a registry in trouble', { skip }, () => {
  it('tries again after 500 and after 429, as long as Retry-After asks', async () => {
    const answers = [500, 429, 503];
    let askedAtMs = 0;
    let waitedMs = 0;
    plain.behave((request, response, next) => {
      if (!isBlob(request, LARGE.digest)) return next();
      if (askedAtMs > 0) waitedMs = Date.now() - askedAtMs;
      askedAtMs = 0;
      const status = answers.shift();
      if (status === undefined) return next();
      if (status === 429) askedAtMs = Date.now();
      return void response.writeHead(status, status === 429 ? { 'Retry-After': '1' } : {}).end();
    });
    assert.equal((await pull({ limits: { ...QUICK, attempts: 5 } })).id, IMAGE.id);
    assert.ok(waitedMs >= 1000, `waited ${waitedMs} ms`);
  });

  it('gives up when errors do not end', () =>
    failsAndRecovers(
      plain,
      forManifests((response) => void response.writeHead(500).end()),
      'REGISTRY_FAILED',
      /answers 500/u,
    ));

  it('does not wait for hours because a registry asks for that', () =>
    failsAndRecovers(
      plain,
      forManifests((response) => void response.writeHead(429, { 'Retry-After': '86400' }).end()),
      'REGISTRY_FAILED',
      /answers 429/u,
    ));

  it('gives up on a body that stalls', () =>
    failsAndRecovers(
      plain,
      forLarge((response) => {
        response.writeHead(200, { 'Content-Length': String(LARGE.size) });
        response.write(LARGE.bytes.subarray(0, 1000));
      }),
      'REGISTRY_FAILED',
      /sends nothing any more/u,
    ));

  it('gives up on a registry that never answers', () =>
    failsAndRecovers(
      plain,
      forManifests(() => undefined),
      'REGISTRY_FAILED',
      /no answer within/u,
    ));

  it('says which credentials are missing', () =>
    failsAndRecovers(
      plain,
      forManifests((response) => void response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="x"' }).end()),
      'REGISTRY_DENIED',
      /wants a user name and a password/u,
    ));

  it('goes on where connections broke, and fetches no byte twice', async () => {
    let broken = 0;
    plain.behave((request, response, next) => {
      if (!isBlob(request, LARGE.digest) || broken === 3) return next();
      broken += 1;
      const from = Number(/(\d+)-/u.exec(request.headers.range ?? '')?.[1] ?? 0);
      response.writeHead(from === 0 ? 200 : 206, {
        'Content-Length': String(LARGE.size - from),
        ...(from === 0 ? {} : { 'Content-Range': `bytes ${from}-${LARGE.size - 1}/${LARGE.size}` }),
      });
      return void response.write(LARGE.bytes.subarray(from, from + 300_000), () => response.destroy());
    });
    assert.equal((await pull({ limits: { ...QUICK, attempts: 2 } })).id, IMAGE.id);
    assert.equal(broken, 3);
    assert.ok(plain.served(LARGE.digest) <= LARGE.size - 3 * 300_000 + 65_536, `${plain.served(LARGE.digest)} bytes`);
  });

  it('starts a blob anew when the registry knows no ranges', async () => {
    let asked = 0;
    plain.behave(
      forLarge((response) => {
        asked += 1;
        response.writeHead(200, { 'Content-Length': String(LARGE.size) });
        if (asked === 1) response.write(LARGE.bytes.subarray(0, 300_000), () => response.destroy());
        else response.end(LARGE.bytes);
      }),
    );
    assert.equal((await pull()).id, IMAGE.id);
    assert.equal(asked, 2);
  });
});

describe('pullImage() and redirects', { skip }, () => {
  it('follows one to another origin, and does not hand Authorization over', async () => {
    const authFile = path.join(scratch, 'auth.json');
    const auth = Buffer.from('me:secret').toString('base64');
    writeFileSync(authFile, JSON.stringify({ auths: { [plain.host]: { auth } } }));
    plain.behave((request, response, next) => {
      if (request.headers.authorization === undefined)
        return void response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="x"' }).end();
      if (!isBlob(request)) return next();
      return void response.writeHead(307, { Location: `${stranger.url}${request.url ?? ''}` }).end();
    });
    assert.equal((await pull({ authFile })).id, IMAGE.id);
    assert.ok(plain.requests.some(({ headers }) => headers.authorization === `Basic ${auth}`));
    assert.equal(stranger.requests.length, 3);
    assert.deepEqual(
      stranger.requests.filter(({ headers }) => headers.authorization !== undefined),
      [],
    );
  });

  it('does not turn in circles', () =>
    failsAndRecovers(
      plain,
      forLarge((response, request) => void response.writeHead(302, { Location: request.url }).end()),
      'REGISTRY_FAILED',
      /redirects more than 5 times/u,
    ));

  it('does not go from https to http', () =>
    failsAndRecovers(
      secure,
      forLarge((response, request) => {
        response.writeHead(302, { Location: `${plain.url}${request.url ?? ''}` }).end();
      }),
      'REGISTRY_FAILED',
      /redirects to unencrypted/u,
      { name: SECURE_NAME },
    ));

  for (const location of ['file:///etc/passwd', 'http://user:secret@127.0.0.1/', 'http://'])
    it(`does not go to ${location}`, () =>
      failsAndRecovers(
        plain,
        forLarge((response) => void response.writeHead(302, { Location: location }).end()),
        'REGISTRY_FAILED',
        /redirects to what is no http or https address/u,
      ));

  for (const realm of ['http://127.0.0.1:1/token', 'file:///etc/passwd', 'https://user:secret@127.0.0.1/', ''])
    it(`sends nothing to the token service "${realm}"`, () =>
      failsAndRecovers(
        secure,
        forManifests((response) => {
          response.writeHead(401, { 'WWW-Authenticate': `Bearer realm="${realm}",service="x"` }).end();
        }),
        'REGISTRY_FAILED',
        /token service that is not https/u,
        { name: SECURE_NAME },
      ));

  it('asks a token service once, though the registry is never content', () => {
    let asked = 0;
    secure.behave();
    return failsAndRecovers(
      secure,
      (request, response, next) => {
        if (request.url?.startsWith('/token') === true) {
          asked += 1;
          return void response.end('{"token":"abc"}');
        }
        if (!isManifest(request)) return next();
        const challenge = `Bearer realm="${secure.url}/token",service="x"`;
        return void response.writeHead(401, { 'WWW-Authenticate': challenge }).end();
      },
      'REGISTRY_DENIED',
      /denies access/u,
      { name: SECURE_NAME },
    ).then(() => assert.equal(asked, 1));
  });
});

describe('pullImage() and TLS', { skip }, () => {
  it('refuses a certificate of a CA that it does not know, and takes it with certs.d, --cert-dir or tlsVerify false', async () => {
    delete process.env['SSL_CERT_FILE'];
    await assert.rejects(pull({ name: SECURE_NAME }), (error) => {
      assert.ok(isHutchError(error, 'REGISTRY_FAILED'));
      assert.match(error.message, /certificate of .* is not trusted/u);
      return true;
    });
    assert.equal((await pull({ name: SECURE_NAME, tlsVerify: false })).id, IMAGE.id);
    const certDirectory = path.join(scratch, 'certificates');
    const ownDirectory = path.join(scratch, 'home/.config/containers/certs.d', secure.host);
    for (const directory of [certDirectory, ownDirectory]) {
      mkdirSync(directory, { recursive: true });
      writeFileSync(path.join(directory, 'ca.crt'), readFileSync(authority.certFile));
    }
    assert.equal((await pull({ name: SECURE_NAME })).id, IMAGE.id);
    assert.equal((await pull({ name: SECURE_NAME, certDirectory })).id, IMAGE.id);
    writeFileSync(path.join(certDirectory, 'ca.crt'), '');
    await assert.rejects(pull({ name: SECURE_NAME, certDirectory }));
  });
});

describe('pullImage() and proxies', { skip }, () => {
  const tunnelled: string[] = [];
  const proxy = createServer().on('connect', (request: IncomingMessage, client: Socket) => {
    tunnelled.push(request.url ?? '');
    const registry = connect(Number(secure.host.split(':')[1]), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      registry.pipe(client).pipe(registry);
    });
    for (const socket of [client, registry]) socket.on('error', () => undefined);
  });
  before(async () => {
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    process.env['https_proxy'] = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  });
  after(() => {
    delete process.env['https_proxy'];
    delete process.env['no_proxy'];
    proxy.close();
  });

  it('goes through the proxy that https_proxy names, and never to this machine through it', async () => {
    assert.equal((await pull({ name: 'registry.example/team/app:1' })).id, IMAGE.id);
    assert.deepEqual([...new Set(tunnelled)], ['registry.example:443']);
    await pull();
    assert.deepEqual([...new Set(tunnelled)], ['registry.example:443']);
  });

  it('goes past the proxy for what no_proxy names', async () => {
    process.env['no_proxy'] = 'registry.example';
    tunnelled.length = 0;
    await assert.rejects(pull({ name: 'registry.example/team/app:1' }), (error) =>
      isHutchError(error, 'REGISTRY_FAILED'),
    );
    assert.deepEqual(tunnelled, []);
  });
});

describe('pullImage() and registries.conf', { skip }, () => {
  it('reads aliases', async () => {
    useRegistriesConf(`[aliases]\n"app" = "${plain.host}/team/app"\n`);
    assert.equal((await pull({ name: 'app:1' })).name, NAME);
  });

  it('asks a mirror first, and passes over one that fails with a warning', async () => {
    const rule = `[[registry]]\nprefix = "${plain.host}/team"\n`;
    useRegistriesConf(
      `${rule}location = "${plain.host}/team"\n[[registry.mirror]]\nlocation = "${stranger.host}/mirror"\n`,
    );
    const warnings: TransferEvent[] = [];
    const hear = (event: TransferEvent): void => {
      if (event.event === 'transfer_warning') warnings.push(event);
    };
    assert.equal((await pull({}, hear)).name, NAME);
    assert.deepEqual(warnings, []);
    assert.ok(stranger.requests.some(({ line }) => line === 'GET /v2/mirror/app/manifests/1'));
    assert.equal(plain.requests.length, 0);
    stranger.behave((_request, response) => void response.writeHead(404).end());
    assert.equal((await pull({}, hear)).name, NAME);
    assert.equal(warnings.length, 1);
  });

  it('does not pull what is blocked', async () => {
    useRegistriesConf(`[[registry]]\nprefix = "${plain.host}/team/app"\nblocked = true\n`);
    await assert.rejects(pull(), (error) => isHutchError(error, 'REGISTRY_DENIED'));
    assert.equal(plain.requests.length, 0);
  });

  it('asks the next search registry only when the one before has no such image', async () => {
    useRegistriesConf(`unqualified-search-registries = ["${plain.host}", "${stranger.host}"]\n`);
    plain.behave((_request, response) => void response.writeHead(404).end());
    assert.equal((await pull({ name: 'app:1' })).name, `${stranger.host}/app:1`);
    plain.behave((_request, response) => void response.writeHead(503).end());
    stranger.reset();
    await assert.rejects(pull({ name: 'app:1' }), (error) => isHutchError(error, 'REGISTRY_FAILED'));
    assert.equal(stranger.requests.length, 0);
  });
});

describe('pullImage() beside others', { skip }, () => {
  it('does the work once when two pull the same image', async () => {
    plain.pace({ pieceBytes: 100_000, pauseMs: 20 });
    const [first, second] = await Promise.all([pull(), pull()]);
    assert.deepEqual(first, second);
    for (const { digest, size } of IMAGE.layers) assert.equal(plain.served(digest), size);
    assert.equal(listImagesInFull().length, 1);
  });

  it('fetches and unpacks nothing that is there', async () => {
    await pull();
    plain.reset();
    const phases: string[] = [];
    await pull({}, (event) => {
      if (event.event === 'transfer_layer') phases.push(event.phase);
    });
    assert.deepEqual(phases, ['there', 'there']);
    assert.deepEqual(
      plain.requests.filter(({ line }) => IMAGE.layers.some(({ digest }) => line.includes(digest))),
      [],
    );
  });

  it('comes out whole, or not at all, while others remove the image and collect garbage', async () => {
    let isDone = false;
    let removals = 0;
    const disturb = async (): Promise<void> => {
      while (!isDone) {
        await removeImage(NAME, { isForced: true }).then(
          () => (removals += 1),
          (error: unknown) => {
            if (!isHutchError(error, 'IMAGE_UNKNOWN')) throw error;
          },
        );
        await collectGarbage({ all: true });
      }
    };
    const disturbing = disturb();
    for (let round = 0; round < 8 || (removals < 3 && round < 100); round += 1)
      assert.equal((await pull()).id, IMAGE.id);
    isDone = true;
    await disturbing;
    assert.ok(removals >= 3);
    await pull();
    const { layers } = resolveImage(locateStore(), NAME);
    assert.equal(layers.length, 2);
    assert.deepEqual((await collectGarbage()).problems, []);
  });

  it('stops when it is told to, keeps what it has, and goes on from there', async () => {
    plain.pace({ pieceBytes: 50_000, pauseMs: 20 });
    const controller = new AbortController();
    const reason = new Error('enough');
    const stopHalfWay = (event: TransferEvent): void => {
      if (event.event === 'transfer_layer' && event.digest === LARGE.digest && event.doneBytes > 400_000)
        controller.abort(reason);
    };
    await assert.rejects(pull({}, stopHalfWay, controller.signal), reason);
    assertNothingVisible();
    const before = plain.served(LARGE.digest);
    plain.pace();
    await pull();
    assert.ok(before > 400_000);
    assert.ok(plain.served(LARGE.digest) - before <= LARGE.size - 400_000, 'the beginning was fetched twice');
  });
});

describe('pullImage() and what a name stands for', { skip }, () => {
  const ARM = makeImage({
    layers: [file('arm', 10)],
    platform: { os: 'linux', architecture: 'arm', variant: 'v6' },
    format: 'docker',
  });
  const index = makeIndex(
    [
      { platform: { os: 'linux', architecture: 'arm', variant: 'v6' }, image: ARM },
      { platform: THIS_PLATFORM, image: IMAGE },
    ],
    'docker',
  );
  const name = `${plain.host}/team/app:multi`;
  beforeEach(() => {
    plain.add('arm', ARM);
    plain.addManifest('multi', index);
  });

  it('takes this host’s image of an index, and keeps the digest of the index', async () => {
    const { id, manifestDigest } = await pull({ name });
    assert.deepEqual([id, manifestDigest], [IMAGE.id, index.digest]);
    assert.equal(resolveImage(locateStore(), name).id, IMAGE.id);
  });

  it('takes the best variant that runs on the wanted platform', async () => {
    assert.equal((await pull({ name, platform: 'linux/arm/v7' })).id, ARM.id);
    assert.equal(resolveImage(locateStore(), name).id, ARM.id);
    await assert.rejects(pull({ name, platform: 'linux/arm/v5' }), (error) => {
      assert.ok(isHutchError(error, 'IMAGE_UNKNOWN'));
      assert.match(error.hint ?? '', /linux\/arm\/v6/u);
      return true;
    });
  });

  it('is found again by the digest that it was pulled by', async () => {
    const byDigest = `${plain.host}/team/app@${index.digest}`;
    assert.equal((await pull({ name: byDigest })).name, byDigest);
    assert.equal(resolveImage(locateStore(), byDigest).id, IMAGE.id);
  });

  it('warns about an image for another processor, and refuses it when one was asked for', async () => {
    const warnings: string[] = [];
    const hear = (event: TransferEvent): void => {
      if (event.event === 'transfer_warning') warnings.push(event.text);
    };
    await pull({ name: `${plain.host}/team/app:arm` }, hear);
    assert.match(warnings.join(), /is for linux\/arm\/v6/u);
    const wrong = pull({ name: `${plain.host}/team/app:arm`, platform: 'linux/s390x' });
    await assert.rejects(wrong, (error) => isHutchError(error, 'IMAGE_UNKNOWN'));
  });

  for (const wrong of ['host', 'docker.io/library/host:latest', `sha256:${'a'.repeat(64)}`, 'A/b', ''])
    it(`refuses to pull "${wrong}" without asking anybody`, async () => {
      await assert.rejects(pull({ name: wrong }), (error) =>
        isHutchError(error, 'USAGE_INVALID', 'IMAGE_UNKNOWN', 'REFERENCE_INVALID'),
      );
    });
});
