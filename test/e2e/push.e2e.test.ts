/** `hutch login`, `logout` and `push` with Debian's docker-registry; what was pushed is read back by skopeo and by hutch. */

import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { ACCOUNT, registrySkip, startRegistries } from '../helpers/docker-registry.ts';
import { startStub } from '../helpers/stub-registry.ts';
import { busyboxSkip } from './busybox-archive.ts';
import { assertRefused, BUSYBOX, idsSkip, importBusybox, makeSandbox } from './sandbox.ts';

const run = promisify(execFile);
const skip =
  (await idsSkip()) ||
  registrySkip() ||
  busyboxSkip() ||
  (spawnSync('skopeo', ['--version']).status === 0 ? false : 'not installed: skopeo');
const registries = skip === false ? await startRegistries() : undefined;

describe('hutch login, logout and push', { skip }, () => {
  assert.ok(registries !== undefined);
  const { plain, basic, tokens } = registries;
  const box = makeSandbox();
  const auth = path.join(box.directory, 'auth.json');

  before(async () => {
    await importBusybox(box);
  });

  const login = (host: string, password: string, env: NodeJS.ProcessEnv) =>
    box.hutch(['login', '-v', '-u', ACCOUNT.username, '--password-stdin', '--authfile', auth, host], {
      input: `${password}\n`,
      env,
    });

  it('login keeps nothing that the registry refuses', async () => {
    assertRefused(await login(basic.host, 'wrong word', basic.trust), /does not accept|denie/u);
    assert.throws(() => statSync(auth), /ENOENT/u);
  });

  for (const [kind, registry] of Object.entries({ basic, tokens }))
    it(`login, push, pull and logout work with a registry of kind ${kind}`, async () => {
      const { host, trust } = registry;
      box.file('auth.json', JSON.stringify({ mine: 1, auths: { 'other.example': { auth: 'YTpi' } } }));
      const target = `${host}/team/${kind}:1`;
      assertRefused(
        await box.hutch(['push', '-q', BUSYBOX, target], { env: trust }),
        /denies access|wants|hutch login/u,
      );
      const outcome = await login(host, ACCOUNT.password, trust);
      assert.equal(outcome.code, 0, outcome.stderr);
      assert.equal(outcome.stdout, `Used: ${auth}\nLogin Succeeded\n`);
      assert.doesNotMatch(outcome.stdout + outcome.stderr, new RegExp(ACCOUNT.password, 'u'));
      assert.equal(statSync(auth).mode & 0o777, 0o600);
      const known = JSON.parse(readFileSync(auth, 'utf8')) as { mine: number; auths: Record<string, unknown> };
      assert.equal(known.mine, 1);
      assert.deepEqual(Object.keys(known.auths), ['other.example', host]);
      const who = await box.hutch(['login', '--get-login', '--authfile', auth, host]);
      assert.equal(who.stdout, `${ACCOUNT.username}\n`);
      const pushed = await box.hutch(['push', '-q', '--authfile', auth, BUSYBOX, target], { env: trust });
      assert.deepEqual([pushed.code, pushed.stderr], [0, '']);
      const creds = `${ACCOUNT.username}:${ACCOUNT.password}`;
      // Not synchronously: the token service lives in this process.
      const { stdout: read } = await run(
        'skopeo',
        ['inspect', '--tls-verify=false', '--creds', creds, '--format', '{{.Digest}}', `docker://${target}`],
        { env: box.env },
      );
      assert.equal(read, pushed.stdout);
      const out = await box.hutch(['logout', '--authfile', auth, host]);
      assert.equal(out.code, 0, out.stderr);
      assert.doesNotMatch(readFileSync(auth, 'utf8'), /localhost/u);
      assertRefused(await box.hutch(['logout', '--authfile', auth, host]), /not logged in/u);
    });

  it('what was pushed runs after a pull into another store, and is not sent twice', async () => {
    const target = `${plain.host}/team/app:1`;
    const first = await box.hutch(['push', BUSYBOX, target]);
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stderr, /^pushing localhost:\d+\/team\/app:1: 2 blobs\n/u);
    assert.match(first.stderr, /: uploading/u);
    const again = await box.hutch(['push', BUSYBOX, target]);
    assert.doesNotMatch(again.stderr, /: uploading/u);
    assert.match(again.stderr, /: there already/u);
    const data = path.join(box.directory, 'second');
    mkdirSync(data, { mode: 0o700 });
    const env = { HUTCH_DATA: data };
    const pulled = await box.hutch(['pull', '-q', target], { env });
    assert.equal(pulled.code, 0, pulled.stderr);
    const ran = await box.hutch(['run', '--rm', '--net', 'none', target, 'echo', 'hello'], { env });
    assert.equal(ran.stdout, 'hello\n', ran.stderr);
  });

  it('skopeo copies from the store and into it, and hutch runs what came in', async () => {
    const layout = path.join(box.data, 'images');
    const out = path.join(box.directory, 'out');
    const [entry] = (
      JSON.parse(readFileSync(path.join(layout, 'index.json'), 'utf8')) as {
        manifests: { annotations: Record<string, string> }[];
      }
    ).manifests;
    const name = entry?.annotations['org.opencontainers.image.ref.name'] ?? '';
    await run('skopeo', ['--insecure-policy', 'copy', `oci:${layout}:${name}`, `oci:${out}:x`], { env: box.env });
    // Into a store that has unpacked nothing yet.
    const data = path.join(box.directory, 'third');
    const env = { HUTCH_DATA: data };
    assert.equal((await box.hutch(['gc'], { env })).code, 0);
    const into = `oci:${path.join(data, 'images')}:copied:in`;
    await run('skopeo', ['--insecure-policy', 'copy', `oci:${out}:x`, into], { env: box.env });
    const words = ['run', '--rm', '--net', 'none', '--pull', 'never', 'copied:in', 'echo', 'hello'];
    const ran = await box.hutch(words, { env });
    assert.equal(ran.stdout, 'hello\n', ran.stderr);
  });

  it('login hands the password to the credential program on stdin, and push asks it', async () => {
    const { host, trust } = basic;
    const bin = path.join(box.directory, 'bin');
    const kept = path.join(box.directory, 'kept');
    mkdirSync(bin, { recursive: true });
    const program = box.file(
      'bin/docker-credential-mine',
      `#!/bin/sh
printf '%s\\n' "$*" >> ${box.directory}/argv
case $1 in
store) cat > ${kept} ;;
get) cat > ${box.directory}/asked; [ -f ${kept} ] && cat ${kept} || { echo 'credentials not found in native keychain'; exit 1; } ;;
erase) rm -f ${kept} ;;
esac
`,
    );
    chmodSync(program, 0o755);
    box.file('auth.json', JSON.stringify({ credHelpers: { [host]: 'mine' } }));
    const env = { ...trust, PATH: `${bin}:${box.env['PATH'] ?? ''}` };
    const outcome = await login(host, ACCOUNT.password, env);
    assert.equal(outcome.code, 0, outcome.stderr);
    assert.match(readFileSync(kept, 'utf8'), /"Secret":"open sesame"/u);
    assert.deepEqual(JSON.parse(readFileSync(auth, 'utf8')), { credHelpers: { [host]: 'mine' } });
    const pushed = await box.hutch(['push', '-q', '--authfile', auth, BUSYBOX, `${host}/team/kept:1`], { env });
    assert.deepEqual([pushed.code, pushed.stderr], [0, '']);
    await box.hutch(['logout', '--authfile', auth, host], { env });
    assert.equal(existsSync(kept), false);
    assert.doesNotMatch(readFileSync(path.join(box.directory, 'argv'), 'utf8'), /sesame/u);
  });

  it('push goes on after 500 and 429, and believes no digest but its own', async () => {
    const stub = await startStub();
    try {
      let failures = 2;
      let stored = '';
      stub.behave((request, response, next) => {
        const { method = '', url = '' } = request;
        if (method === 'GET' || method === 'HEAD') return next();
        request.resume();
        if (method === 'POST') return response.writeHead(202, { location: '/v2/a/b/blobs/uploads/1' }).end();
        if (failures > 0) return response.writeHead(failures-- === 2 ? 500 : 429, { 'retry-after': '0' }).end();
        request.on('end', () => {
          const headers = stored === '' ? {} : { 'docker-content-digest': stored };
          response.writeHead(201, url.includes('/manifests/') ? headers : {}).end();
        });
        return undefined;
      });
      const good = await box.hutch(['push', '-q', BUSYBOX, `${stub.host}/a/b:1`]);
      assert.equal(good.code, 0, good.stderr);
      assert.equal(failures, 0);
      stored = `sha256:${'0'.repeat(64)}`;
      assertRefused(await box.hutch(['push', '-q', BUSYBOX, `${stub.host}/a/b:1`]), /stored as sha256:0000/u);
    } finally {
      await stub.stop();
    }
  });

  it('push and login refuse what cannot be', async () => {
    assertRefused(await box.hutch(['push', 'nothing:here', 'localhost:1/a']), /there is no image "nothing:here"/u);
    assertRefused(await box.hutch(['push', 'host']), /built in/u);
    assertRefused(await box.hutch(['push', '-q', BUSYBOX, 'registry.invalid/a/b']), /registry\.invalid/u);
    assertRefused(await box.hutch(['login', '-u', 'a', '--password-stdin', 'nohost'], { input: 'x' }), /"nohost"/u);
    assertRefused(await box.hutch(['push', '-q', BUSYBOX, `${tokens.host}/a/b`]), /certificate|trust/iu);
  });
});
