/** `hutch pull` and `hutch run` of images in Debian's docker-registry: what a user types, sees and can stop. */

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify, stripVTControlCharacters } from 'node:util';
import { ACCOUNT, registrySkip, startRegistries, type DockerRegistry } from '../helpers/docker-registry.ts';
import { makeImage, makeIndex, pushByHand, pushManifest, THIS_PLATFORM, writeLayout } from '../helpers/sample-image.ts';
import { startStub } from '../helpers/stub-registry.ts';
import { buildTar } from '../helpers/tar-builder.ts';
import { busyboxArchive, busyboxSkip } from './busybox-archive.ts';
import { eventually } from './processes.ts';
import {
  assertRefused,
  containerTraces,
  HUTCH,
  idsSkip,
  makeSandbox,
  outcomeOf,
  printed,
  type Sandbox,
} from './sandbox.ts';

const run = promisify(execFile);
const skip = (await idsSkip()) || registrySkip() || busyboxSkip();
const registries = skip === false ? await startRegistries() : undefined;

describe('hutch pull', { skip }, () => {
  assert.ok(registries !== undefined);
  const { plain, basic, tokens } = registries;
  const box = makeSandbox();
  const extra = buildTar([{ name: 'lower/file', content: 'of the upper layer\n' }, { name: 'bin/.wh.false' }]);
  const oci = makeImage({
    layers: [busyboxArchive(), extra, buildTar([{ name: 'third', content: 'x' }])],
    compression: ['gzip', 'zstd', 'none'],
    defaults: { Cmd: ['cat', '/lower/file'] },
  });
  const docker = makeImage({ layers: [busyboxArchive(), extra], format: 'docker', defaults: { Cmd: ['id'] } });
  const foreign = makeImage({
    layers: [extra],
    platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
    format: 'docker',
  });
  const index = makeIndex([
    { platform: { os: 'linux', architecture: 'arm64', variant: 'v8' }, image: foreign },
    { platform: THIS_PLATFORM, image: oci },
  ]);
  const layout = path.join(box.directory, 'layout');
  const app = `${plain.host}/team/app`;

  before(async () => {
    await pushByHand(plain.url, 'team/app', 'oci', oci);
    await pushByHand(plain.url, 'team/app', 'docker', docker);
    await pushByHand(plain.url, 'team/app', 'arm64', foreign);
    await pushManifest(plain.url, 'team/app', 'multi', index);
    writeLayout(layout, 'oci', oci);
    await Promise.all([
      skopeo(`oci:${layout}:oci`, `docker://${basic.host}/private/app:1`, basic),
      skopeo(`oci:${layout}:oci`, `docker://${tokens.host}/public/app:1`, tokens),
      skopeo(`oci:${layout}:oci`, `docker://${tokens.host}/private/app:1`, tokens),
    ]);
  });

  async function skopeo(from: string, to: string, registry: DockerRegistry): Promise<void> {
    const credentials = ['--dest-creds', `${ACCOUNT.username}:${ACCOUNT.password}`];
    const options = registry === plain ? ['--dest-tls-verify=false'] : credentials;
    const env = { ...process.env, ...registry.trust };
    await run('skopeo', ['--insecure-policy', 'copy', ...options, from, to], { env });
  }

  const only = (text: string): string => text.trimEnd().split('\n').at(-1) ?? '';

  it('prints the id last, says what it does on stderr, and nothing with -q', async () => {
    const outcome = await box.hutch(['pull', `${app}:oci`]);
    assert.deepEqual([outcome.code, outcome.stdout], [0, `${oci.id}\n`]);
    assert.match(outcome.stderr, /^pulling localhost:\d+\/team\/app:oci: 3 layers\n/u);
    assert.ok(!outcome.stderr.includes('\u001b'));
    assert.equal(printed(await box.hutch(['image', 'pull', '-q', `${app}:oci`])), `${oci.id}\n`);
    assert.deepEqual(containerTraces(box), []);
  });

  it('makes images that run: gzip, zstd and plain layers, OCI and Docker manifests', async () => {
    printed(await box.hutch(['pull', '-q', `${app}:oci`, `${app}:docker`]));
    assert.equal(printed(await box.hutch(['run', '--rm', '--net', 'none', `${app}:oci`])), 'of the upper layer\n');
    const gone = ['run', '--rm', '--net', 'none', `${app}:oci`, 'test', '-e', '/bin/false'];
    assert.equal((await box.hutch(gone)).code, 1);
    assert.match(printed(await box.hutch(['run', '--rm', '--net', 'none', `${app}:docker`])), /^uid=0\(root\)/u);
  });

  it('takes what skopeo and umoci have made and pushed', async () => {
    await skopeo(`oci:${layout}:oci`, `docker://${plain.host}/by/skopeo:1`, plain);
    const copy = path.join(box.directory, 'umoci');
    await run('skopeo', ['--insecure-policy', 'copy', `oci:${layout}:oci`, `oci:${copy}:base`]);
    await run('umoci', ['config', '--image', `${copy}:base`, '--tag', 'changed', '--config.cmd', 'hostname']);
    await skopeo(`oci:${copy}:changed`, `docker://${plain.host}/by/umoci:1`, plain);
    assert.equal(only(printed(await box.hutch(['pull', '-q', `${plain.host}/by/skopeo:1`]))), oci.id);
    const ran = await box.hutch([
      'run',
      '-q',
      '--rm',
      '--net',
      'none',
      '--hostname',
      'here',
      `${plain.host}/by/umoci:1`,
    ]);
    assert.equal(printed(ran), 'here\n');
  });

  it('pulls by digest, and finds the image by it without asking again', async () => {
    const name = `${app}@${index.digest}`;
    assert.equal(printed(await box.hutch(['pull', '-q', name])), `${oci.id}\n`);
    const asked = plain.requests().length;
    const ran = await box.hutch(['run', '--rm', '--net', 'none', '--pull', 'never', name, 'echo', 'ran']);
    assert.equal(printed(ran), 'ran\n');
    assert.equal(plain.requests().length, asked);
  });

  it('chooses from an index by --platform', async () => {
    const other = { env: { HUTCH_DATA: path.join(box.directory, 'other') } };
    assert.equal(printed(await box.hutch(['pull', '-q', `${app}:multi`], other)), `${oci.id}\n`);
    const wanted = ['pull', '-q', '--platform', 'linux/arm64', `${app}:multi`];
    assert.equal(printed(await box.hutch(wanted, other)), `${foreign.id}\n`);
    const none = await box.hutch(['pull', '--platform', 'linux/riscv64', `${app}:multi`], other);
    assertRefused(none, /has nothing for linux\/riscv64\n {2}fix: it has linux\/arm64\/v8, linux\/amd64/u);
    assertRefused(await box.hutch(['pull', '--platform', 'a/b/c/d', `${app}:multi`], other), /for --platform/u);
  });

  it('gives up a registry that is not there, for a run as well', async () => {
    // Nobody listens at port 1: a few attempts, each a little later.
    for (const verb of [['pull'], ['run', '--rm']])
      assertRefused(await box.hutch([...verb, '127.0.0.1:1/none:1']), /cannot talk to 127\.0\.0\.1:1: ECONNREFUSED/u);
  });

  it('speaks https with a CA of one’s own and logs in by Basic', async () => {
    const name = `${basic.host}/private/app:1`;
    const authFile = credentialsFor(box, basic.host);
    assertRefused(await box.hutch(['pull', name]), /the certificate of localhost:\d+ is not trusted/u);
    assertRefused(await box.hutch(['pull', name], { env: basic.trust }), /wants a user name and a password/u);
    const with_ = ['pull', '-q', '--authfile', authFile, name];
    assert.equal(printed(await box.hutch(with_, { env: basic.trust })), `${oci.id}\n`);
    assert.equal(printed(await box.hutch([...with_, '--tls-verify=false'])), `${oci.id}\n`);
    const wrong = credentialsFor(box, basic.host, 'wrong');
    const refused = await box.hutch(['pull', '--authfile', wrong, name], { env: basic.trust });
    assertRefused(refused, /denies access/u);
    assert.doesNotMatch(refused.stderr, /wrong/u);
  });

  it('gets tokens, anonymous ones and with a password', async () => {
    const env = { ...tokens.trust, HUTCH_DATA: path.join(box.directory, 'tokens') };
    assert.equal(printed(await box.hutch(['pull', '-q', `${tokens.host}/public/app:1`], { env })), `${oci.id}\n`);
    assertRefused(await box.hutch(['pull', `${tokens.host}/private/app:1`], { env }), /denies access/u);
    const authFile = credentialsFor(box, tokens.host);
    const name = `${tokens.host}/private/app:1`;
    assert.equal(printed(await box.hutch(['pull', '-q', '--authfile', authFile, name], { env })), `${oci.id}\n`);
    const asked = tokens.tokens?.requests.map(({ by }) => by) ?? [];
    assert.deepEqual([asked[0] === 'password', asked.includes('nothing'), asked.at(-1)], [true, true, 'password']);
  });

  it('fetches all tags of a repository, and passes over what is no image for this host', async () => {
    const env = { HUTCH_DATA: path.join(box.directory, 'tags') };
    const outcome = await box.hutch(['pull', '-q', '-a', '--arch', THIS_PLATFORM.architecture, app], { env });
    assert.equal(outcome.code, 0, outcome.stderr);
    assert.deepEqual(outcome.stdout.split('\n').toSorted(), ['', docker.id, oci.id, oci.id].toSorted());
    assert.match(
      outcome.stderr,
      /^hutch: warning: \S+\/team\/app:arm64 is passed over: [^\n]+ is for linux\/arm64\/v8[^\n]*\n$/u,
    );
    const names = printed(await box.hutch(['images', '--format', '{{.Tag}}', app], { env }));
    assert.deepEqual(names.trimEnd().split('\n').toSorted(), ['docker', 'multi', 'oci']);
    assertRefused(await box.hutch(['pull', '-a', `${app}:oci`]), /names one image, which does not go with --all-tags/u);
    assertRefused(await box.hutch(['pull', '-a', `${plain.host}/no/such`]), /cannot list the tags of \S+: /u);
    assertRefused(await box.hutch(['pull', '--arch', 'arm', '--platform', 'linux/arm', app]), /exclude each other/u);
    assertRefused(await box.hutch(['pull', '--variant', 'v7', app]), /--variant needs --arch/u);
  });

  it('takes DOCKER_DEFAULT_PLATFORM for the platform where none is given', async () => {
    const env = { HUTCH_DATA: path.join(box.directory, 'default'), DOCKER_DEFAULT_PLATFORM: 'linux/arm64' };
    assert.equal(printed(await box.hutch(['pull', '-q', `${app}:multi`], { env })), `${foreign.id}\n`);
    const here = ['pull', '-q', '--platform', `linux/${THIS_PLATFORM.architecture}`, `${app}:multi`];
    assert.equal(printed(await box.hutch(here, { env })), `${oci.id}\n`);
  });

  it('tells what is not there', async () => {
    assertRefused(await box.hutch(['pull', `${app}:none`]), /has no such image/u);
    assertRefused(await box.hutch(['pull', 'localhost:1/none']), /cannot talk to localhost:1: ECONNREFUSED/u);
    assertRefused(await box.hutch(['pull', 'host']), /built in and cannot be pulled/u);
  });

  describe('on run', () => {
    const name = `${plain.host}/moving/app:1`;
    const older = makeImage({ layers: [busyboxArchive()], defaults: { Cmd: ['echo', 'older'] } });
    const newer = makeImage({ layers: [busyboxArchive()], defaults: { Cmd: ['echo', 'newer'] } });
    const inRun = (...flags: readonly string[]) => box.hutch(['run', '--rm', '--net', 'none', ...flags]);

    it('fetches what is missing, with its progress on stderr, and then never asks', async () => {
      await pushByHand(plain.url, 'moving/app', '1', older);
      const outcome = await inRun(name);
      assert.deepEqual([outcome.code, outcome.stdout], [0, 'older\n']);
      assert.match(outcome.stderr, /^pulling /u);
      await pushByHand(plain.url, 'moving/app', '1', newer);
      assert.equal(printed(await inRun(name)), 'older\n');
    });

    it('fetches again with always and newer, and not with never', async () => {
      assert.equal(printed(await inRun('--pull', 'never', name)), 'older\n');
      assert.equal(printed(await inRun('--pull=always', '-q', name)), 'newer\n');
      await pushByHand(plain.url, 'moving/app', '1', older);
      assert.equal(printed(await inRun('--pull=newer', '-q', name)), 'older\n');
      assertRefused(await inRun('--pull', 'never', `${app}:arm64`), /there is no image/u);
      assertRefused(await inRun('--pull', 'sometimes', name), /--pull/u);
    });

    it('says and fetches nothing with newer when nothing is newer', async () => {
      printed(await inRun('--pull=newer', '-q', name));
      const asked = plain.requests().length;
      assert.equal(printed(await inRun('--pull=newer', name)), 'older\n');
      assert.deepEqual(
        plain
          .requests()
          .slice(asked)
          .filter((line) => line.includes('/blobs/')),
        [],
      );
    });

    it('reaches a registry as --tls-verify, --cert-dir and --authfile say', async () => {
      const image = `${basic.host}/private/app:1`;
      const authFile = credentialsFor(box, basic.host);
      const env = { HUTCH_DATA: path.join(box.directory, 'ways') };
      const ran = (...flags: readonly string[]) =>
        box.hutch(['run', '--rm', '--net', 'none', '-q', '--pull=always', ...flags, image], { env });
      assertRefused(await ran('--authfile', authFile), /the certificate of localhost:\d+ is not trusted/u);
      assertRefused(await ran('--tls-verify=false'), /wants a user name and a password/u);
      const certs = path.join(box.directory, 'certs');
      mkdirSync(certs);
      copyFileSync(basic.authority.certFile, path.join(certs, 'ca.crt'));
      assert.equal(printed(await ran('--authfile', authFile, '--cert-dir', certs)), 'of the upper layer\n');
      assert.equal(printed(await ran('--authfile', authFile, '--tls-verify=false')), 'of the upper layer\n');
    });

    it('does with what is here when newer cannot be had, and says so', async () => {
      const dead = 'localhost:1/app:1';
      printed(await box.hutch(['tag', name, dead]));
      const outcome = await inRun('--pull=newer', dead);
      assert.deepEqual([outcome.code, outcome.stdout], [0, 'older\n']);
      assert.match(outcome.stderr, /^hutch: warning: no newer image could be fetched: [^\n]+\n$/u);
      assertRefused(await inRun('--pull=always', dead), /ECONNREFUSED/u);
    });

    it('plans with an image that it had to fetch', async () => {
      const outcome = await box.hutch(['plan', 'run', '-q', '--format', 'spec', `${plain.host}/moving/app:2`, 'true']);
      assertRefused(outcome, /has no such image/u);
      await pushByHand(plain.url, 'moving/app', '2', newer);
      assert.match(
        printed(await box.hutch(['plan', 'run', '-q', `${plain.host}/moving/app:2`, 'true'])),
        /pivot_root/u,
      );
    });

    it('looks up a short name where registries.conf says', async () => {
      const conf = box.file('registries.conf', `[aliases]\nshort = "${plain.host}/moving/app"\n`);
      const env = { CONTAINERS_REGISTRIES_CONF: conf };
      const outcome = await box.hutch(['run', '--rm', '--net', 'none', '--pull', 'missing', 'short:1'], { env });
      assert.equal(printed(outcome), 'older\n');
    });
  });
});

describe('hutch pull that is ended', { skip }, () => {
  const box = makeSandbox();
  const image = makeImage({ layers: [busyboxArchive(), buildTar([{ name: 'big', content: randomBytes(4_000_000) }])] });
  const [, big] = image.layers;
  assert.ok(big !== undefined);
  const paced = { pieceBytes: 100_000, pauseMs: 25 };

  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGKILL', null],
  ] as const)
    it(`by ${signal} leaves no image, and the next pull goes on where it was`, async () => {
      const stub = await startStub();
      try {
        stub.add('1', image);
        stub.pace(paced);
        const env = { HUTCH_DATA: path.join(box.directory, signal) };
        const child = box.start(['pull', `${stub.host}/app:1`], { env });
        const outcome = outcomeOf(child);
        await eventually(() => (stub.served(big.digest) > 1_500_000 ? true : undefined));
        child.kill(signal);
        assert.equal((await outcome).code, code);
        assert.equal(printed(await box.hutch(['images', '-q'], { env })), '');
        // What was on its way to the dead process is counted as served, too.
        await sleep(100);
        const before = stub.served(big.digest);
        assert.ok(before < big.size, 'it was ended too late');
        stub.pace();
        assert.equal(printed(await box.hutch(['pull', '-q', `${stub.host}/app:1`], { env })), `${image.id}\n`);
        const again = stub.served(big.digest) - before;
        assert.ok(again < big.size - 1_000_000, `${again} of ${big.size} bytes were fetched after ${before}`);
      } finally {
        await stub.stop();
      }
    });

  for (const [term, isDrawn] of [
    ['xterm-256color', true],
    ['dumb', false],
  ] as const)
    it(`shows ${isDrawn ? 'bars' : 'lines'} on a terminal that is ${term}, and heeds Ctrl-C`, async () => {
      const stub = await startStub();
      try {
        stub.add('1', image);
        stub.pace(paced);
        const script = [
          ['expect', isDrawn ? '>' : 'downloading 4MB'],
          ['type', '\u0003'],
          ['expect', 'stopped by SIGINT; what was downloaded is kept'],
        ];
        const argv = [HUTCH, 'pull', `${stub.host}/app:1`];
        const env = { ...box.env, TERM: term, HUTCH_DATA: path.join(box.directory, term) };
        const child = spawn('python3', [path.join(import.meta.dirname, 'terminal.py')], {
          env,
          stdio: ['pipe', 'pipe', 'pipe'],
        });
        const { stdout, stderr } = await outcomeOf(child, JSON.stringify({ size: [24, 80], argv, script }));
        assert.equal(stderr, '');
        const played = JSON.parse(stdout) as { output: string };
        assert.deepEqual({ ...played, output: '' }, { code: 130, output: '', missing: null, restored: true });
        assert.equal(played.output.includes('\u001b['), isDrawn);
        const bars = stripVTControlCharacters(played.output)
          .split(/[\r\n]+/u)
          .filter((line) => line.includes('downloading'));
        assert.ok(bars.length > 0 && bars.every((line) => line.length <= 80), played.output);
      } finally {
        await stub.stop();
      }
    });

  it('lets two processes do the work once', async () => {
    const stub = await startStub();
    try {
      stub.add('1', image);
      stub.pace(paced);
      const env = { HUTCH_DATA: path.join(box.directory, 'two') };
      const outcomes = await Promise.all([1, 2].map(() => box.hutch(['pull', '-q', `${stub.host}/app:1`], { env })));
      for (const outcome of outcomes) assert.equal(printed(outcome), `${image.id}\n`);
      for (const { digest, size } of image.layers) assert.equal(stub.served(digest), size);
    } finally {
      await stub.stop();
    }
  });
});

function credentialsFor(box: Sandbox, host: string, password: string = ACCOUNT.password): string {
  const auth = Buffer.from(`${ACCOUNT.username}:${password}`).toString('base64');
  const directory = path.join(box.directory, 'auth');
  mkdirSync(directory, { recursive: true });
  const file = path.join(directory, `${password.length}-${host.replace(':', '-')}.json`);
  writeFileSync(file, JSON.stringify({ auths: { [host]: { auth } } }), { mode: 0o600 });
  return file;
}
