/** `hutch push` of images for several platforms, and in another format or compression: read back by skopeo and by hutch. */

import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { registrySkip, startRegistry } from '../helpers/docker-registry.ts';
import { makeImage, makeIndex, pushByHand, pushManifest, THIS_PLATFORM } from '../helpers/sample-image.ts';
import { buildTar } from '../helpers/tar-builder.ts';
import { busyboxArchive, busyboxSkip } from './busybox-archive.ts';
import { assertRefused, idsSkip, makeSandbox, printed } from './sandbox.ts';

const run = promisify(execFile);
const skip =
  (await idsSkip()) ||
  registrySkip() ||
  busyboxSkip() ||
  (spawnSync('skopeo', ['--version']).status === 0 ? false : 'not installed: skopeo');
const registry = skip === false ? await startRegistry() : undefined;

interface Manifest {
  readonly mediaType: string;
  readonly config: { readonly mediaType: string; readonly digest: string };
  readonly layers: readonly { readonly mediaType: string; readonly digest: string }[];
  readonly manifests?: readonly { readonly digest: string; readonly mediaType: string; readonly platform: object }[];
}

const OCI = 'application/vnd.oci.image';
const DOCKER = 'application/vnd.docker';

describe('hutch push', { skip }, () => {
  assert.ok(registry !== undefined);
  const { host, url } = registry;
  const box = makeSandbox();
  const extra = buildTar([{ name: 'lower/extra', content: 'extra\n' }]);
  const image = makeImage({
    layers: [busyboxArchive(), extra],
    compression: ['gzip', 'none'],
    defaults: { Cmd: ['cat', '/lower/extra'] },
  });
  const arm = { os: 'linux', architecture: 'arm64', variant: 'v8' };
  const foreign = makeImage({ layers: [extra], compression: ['none'], platform: arm });
  const index = makeIndex([
    { platform: THIS_PLATFORM, image },
    { platform: arm, image: foreign },
  ]);
  const here = `linux/${THIS_PLATFORM.architecture}`;
  const full = { HUTCH_DATA: path.join(box.directory, 'full') };

  before(async () => {
    await pushByHand(url, 'from/app', 'one', image);
    await pushByHand(url, 'from/app', 'arm', foreign);
    await pushManifest(url, 'from/app', 'multi', index);
    printed(await box.hutch(['pull', '-q', `${host}/from/app:multi`]));
    printed(await box.hutch(['pull', '-q', '--all-platforms', `${host}/from/app:multi`], { env: full }));
  });

  /** What the registry has under a name, byte by byte. */
  async function raw(name: string): Promise<Manifest> {
    const { stdout } = await run('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${host}/${name}`], {
      env: box.env,
    });
    return JSON.parse(stdout) as Manifest;
  }

  /** Runs the image of a name in a store that has nothing yet. */
  async function runs(name: string): Promise<string> {
    const env = { HUTCH_DATA: path.join(box.directory, `run-${name.replace(/\W/gu, '-')}`) };
    return printed(await box.hutch(['run', '-q', '--rm', '--net', 'none', `${host}/${name}`], { env }));
  }

  it('sends the whole of an image for several platforms that is here in full', async () => {
    const target = `${host}/whole/app:1`;
    assert.equal(
      printed(await box.hutch(['push', '-q', `${host}/from/app:multi`, target], { env: full })),
      `${index.digest}\n`,
    );
    assert.deepEqual((await raw('whole/app:1')).manifests, (await raw('from/app:multi')).manifests);
    const env = { HUTCH_DATA: path.join(box.directory, 'arm') };
    const pulled = await box.hutch(['pull', '-q', '--platform', 'linux/arm64', target], { env });
    assert.equal(printed(pulled), `${foreign.id}\n`);
    assert.equal(await runs('whole/app:1'), 'extra\n');
    assert.equal(printed(await box.hutch(['gc', '--all'], { env: full })), 'Total reclaimed space: 0B\n');
  });

  it('never sends less than all without a word', async () => {
    const name = `${host}/from/app:multi`;
    const target = `${host}/part/app:1`;
    assertRefused(
      await box.hutch(['push', '-q', '--all-platforms', name, target]),
      /not here for all its platforms: linux\/arm64\/v8 is missing/u,
    );
    const { code, stdout, stderr } = await box.hutch(['push', '-q', name, target]);
    assert.deepEqual([code, stdout], [0, `${image.manifest.digest}\n`]);
    assert.match(
      stderr,
      /^hutch: warning: \S+:multi is for 2 platforms, of which not all are here: linux\/\w+ alone is pushed[^\n]*\n$/u,
    );
    const said = ['push', '-q', '--platform', here, name, target];
    assert.equal(printed(await box.hutch(said)), `${image.manifest.digest}\n`);
    assert.equal((await raw('part/app:1')).manifests, undefined);
  });

  it('sends one platform of several, and tells which there are', async () => {
    const name = `${host}/from/app:multi`;
    const arm64 = ['push', '-q', '--platform', 'linux/arm64', name, `${host}/arm/app:1`];
    assert.equal(printed(await box.hutch(arm64, { env: full })), `${foreign.manifest.digest}\n`);
    const none = ['push', '--platform', 'linux/riscv64', name, `${host}/none/app:1`];
    assertRefused(
      await box.hutch(none, { env: full }),
      /not here for linux\/riscv64\n {2}fix: it is here for linux\/\w+, linux\/arm64\/v8/u,
    );
    assertRefused(await box.hutch(['push', '--platform', here, '--all-platforms', name]), /exclude each other/u);
  });

  for (const { format, compression, types } of [
    {
      format: 'v2s2',
      compression: 'gzip',
      types: [
        `${DOCKER}.distribution.manifest.v2+json`,
        `${DOCKER}.container.image.v1+json`,
        `${DOCKER}.image.rootfs.diff.tar.gzip`,
      ],
    },
    {
      format: 'oci',
      compression: 'zstd',
      types: [`${OCI}.manifest.v1+json`, `${OCI}.config.v1+json`, `${OCI}.layer.v1.tar+zstd`],
    },
    {
      format: 'oci',
      compression: 'gzip',
      types: [`${OCI}.manifest.v1+json`, `${OCI}.config.v1+json`, `${OCI}.layer.v1.tar+gzip`],
    },
  ] as const)
    it(`sends an image as ${format} with ${compression}`, async () => {
      const name = `form/${format}:${compression}`;
      const digestFile = path.join(box.directory, 'digest');
      const how = ['--format', format, '--compression-format', compression, '--digestfile', digestFile];
      const pushed = await box.hutch(['push', ...how, '--platform', here, `${host}/from/app:multi`, `${host}/${name}`]);
      assert.equal(pushed.code, 0, pushed.stderr);
      assert.match(pushed.stderr, new RegExp(`^compressing sha256:\\w+ with ${compression}\\n`, 'u'));
      assert.equal(`${readFileSync(digestFile, 'utf8')}\n`, pushed.stdout);
      const manifest = await raw(name);
      assert.deepEqual(
        [manifest.mediaType, manifest.config.mediaType, ...new Set(manifest.layers.map(({ mediaType }) => mediaType))],
        types,
      );
      assert.equal(manifest.config.digest, image.id);
      assert.equal(await runs(name), 'extra\n');
      const again = await box.hutch(['push', ...how, '--platform', here, `${host}/from/app:multi`, `${host}/${name}`]);
      assert.deepEqual([again.stdout, again.stderr.includes(': uploading')], [pushed.stdout, false]);
    });

  it('sends all platforms in another form', async () => {
    const how = ['--format', 'v2s2', '--compression-level', '9', '--all-platforms'];
    printed(await box.hutch(['push', '-q', ...how, `${host}/from/app:multi`, `${host}/form/all:1`], { env: full }));
    const list = await raw('form/all:1');
    assert.equal(list.mediaType, `${DOCKER}.distribution.manifest.list.v2+json`);
    assert.deepEqual(
      list.manifests?.map(({ platform }) => platform),
      [THIS_PLATFORM, arm],
    );
    assert.deepEqual(
      [...new Set((list.manifests ?? []).map(({ mediaType }) => mediaType))],
      [`${DOCKER}.distribution.manifest.v2+json`],
    );
    assert.equal(await runs('form/all:1'), 'extra\n');
    const env = { HUTCH_DATA: path.join(box.directory, 'all-arm') };
    const wanted = ['pull', '-q', '--platform', 'linux/arm64', `${host}/form/all:1`];
    assert.equal(printed(await box.hutch(wanted, { env })), `${foreign.id}\n`);
  });

  it('leaves what it compressed nowhere, and the image here as it was', async () => {
    printed(
      await box.hutch([
        'push',
        '-q',
        '--compression-format',
        'zstd',
        '--platform',
        here,
        `${host}/from/app:multi`,
        `${host}/left/app:1`,
      ]),
    );
    assert.deepEqual(await box.hutch(['gc', '--all']).then(printed), 'Total reclaimed space: 0B\n');
    const { stdout } = await box.hutch(['image', 'inspect', '-f', '{{.RepoDigests}}', `${host}/from/app:multi`]);
    assert.match(stdout, new RegExp(index.digest, 'u'));
  });

  for (const [words, message] of [
    [['--format', 'v2s1'], /invalid value "v2s1" for --format\n {2}fix: give oci or v2s2/u],
    [['--format', 'v2s2', '--compression-format', 'zstd'], /does not go with/u],
    [['--compression-format', 'zstd:chunked'], /invalid value "zstd:chunked"/u],
    [
      ['--compression-level', '10'],
      /invalid value "10" for --compression-level\n {2}fix: gzip knows levels from 1 to 9/u,
    ],
    [['--compression-format', 'zstd', '--compression-level', 'x'], /invalid value "x"/u],
    [['--digestfile', '/no/such/place'], /cannot write \/no\/such\/place: ENOENT/u],
  ] as const)
    it(`refuses ${words.join(' ')}`, async () => {
      const outcome = await box.hutch([
        'push',
        '-q',
        '--platform',
        here,
        ...words,
        `${host}/from/app:multi`,
        `${host}/bad/app:1`,
      ]);
      assertRefused({ ...outcome, stdout: words[0] === '--digestfile' ? '' : outcome.stdout }, message);
    });

  it('sends all tags of a repository', async () => {
    for (const tag of ['1', '2', '3'])
      printed(await box.hutch(['tag', `${host}/from/app:multi`, `${host}/tags/app:${tag}`]));
    const pushed = await box.hutch(['push', '-q', '-a', '--platform', here, `${host}/tags/app`]);
    assert.equal(printed(pushed), `${image.manifest.digest}\n`.repeat(3));
    const env = { HUTCH_DATA: path.join(box.directory, 'tagged') };
    assert.equal(
      printed(await box.hutch(['pull', '-q', '-a', `${host}/tags/app`], { env })),
      `${image.id}\n`.repeat(3),
    );
    assertRefused(
      await box.hutch(['push', '-a', `${host}/tags/app:1`]),
      /--all-tags takes the name of one repository/u,
    );
    assertRefused(await box.hutch(['push', '-a', `${host}/no/app`]), /no image here has a tag of/u);
  });

  it('does not take an id for a name to push to, and takes podman’s word for a registry', async () => {
    const id = image.id.slice('sha256:'.length, 'sha256:'.length + 12);
    assertRefused(await box.hutch(['push', id]), /is an id, and no name to push to/u);
    const target = `docker://${host}/word/app:1`;
    assert.equal(
      printed(await box.hutch(['push', '-q', '--platform', here, id, target])),
      `${image.manifest.digest}\n`,
    );
    const env = { HUTCH_DATA: path.join(box.directory, 'word') };
    assert.equal(printed(await box.hutch(['pull', '-q', target], { env })), `${image.id}\n`);
  });

  it('does not begin with an image that is damaged', async () => {
    const env = { HUTCH_DATA: path.join(box.directory, 'damaged') };
    printed(await box.hutch(['pull', '-q', `${host}/from/app:one`], { env }));
    // Under no name of the registry, or it would be asked to mount what it has.
    printed(await box.hutch(['tag', `${host}/from/app:one`, 'alone:1'], { env }));
    await box.hutch(['rmi', `${host}/from/app:one`], { env });
    const [layer] = image.layers;
    const blob = path.join(env.HUTCH_DATA, 'images/blobs', layer?.digest.replace(':', '/') ?? '');
    const asked = registry.requests().length;
    truncateSync(blob, 10);
    const push = ['push', '-q', 'alone:1', `${host}/damaged/app:1`];
    assertRefused(await box.hutch(push, { env }), /its blob sha256:\w+ is 10 bytes long, not \d+/u);
    rmSync(blob);
    assertRefused(await box.hutch(push, { env }), /cannot push alone:1: its blob sha256:\w+ is not here/u);
    assert.equal(registry.requests().length, asked);
    // Of the same size, but with other content: the registry finds out.
    writeFileSync(blob, Buffer.alloc(layer?.size ?? 0));
    assertRefused(
      await box.hutch(push, { env }),
      /answers 400 \(DIGEST_INVALID[^\n]*\n {2}fix: if the registry finds another digest/u,
    );
  });

  it('is told in the words of a push when the registry refuses it', async () => {
    const data = path.join(box.directory, 'none');
    mkdirSync(data, { mode: 0o700 });
    const dead = await box.hutch(['push', '-q', '--platform', here, `${host}/from/app:multi`, 'localhost:1/app']);
    assertRefused(dead, /^hutch: cannot push \S+:multi: cannot talk to localhost:1: ECONNREFUSED/u);
  });
});
