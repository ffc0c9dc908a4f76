/** Images between hutch and its peers, through Debian's docker-registry: each runs what the others push, and sees the same tree. */

import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { removeInUserns } from '../../src/userns/run-in-userns.ts';
import { timedLeaningLayers } from '../drivers/rootfs/leaning-layers.ts';
import { registrySkip, startRegistry } from '../helpers/docker-registry.ts';
import { makeImage, pushByHand } from '../helpers/sample-image.ts';
import { buildTar } from '../helpers/tar-builder.ts';
import { inUserns } from '../helpers/userns-tree.ts';
import { busyboxArchive, busyboxSkip } from './busybox-archive.ts';
import { descendants } from './processes.ts';
import { BUSYBOX, idsSkip, importBusybox, makeSandbox, printed } from './sandbox.ts';
import { assertSameTree, makeTrees } from './trees.ts';

const run = promisify(execFile);
const PEERS = ['podman', 'runc', 'buildah', 'umoci', 'skopeo'];
const missing = PEERS.filter(
  (name) => spawnSync(name, ['--version'], { env: { PATH: '/usr/sbin:/usr/bin:/bin' } }).error,
);
const skip =
  (await idsSkip()) ||
  registrySkip() ||
  busyboxSkip() ||
  (missing.length === 0 ? false : `not installed: ${missing.join(', ')}`);
const registry = skip === false ? await startRegistry() : undefined;

const directory = (name: string, more: object = {}) => ({ name: `${name}/`, flag: '5', mode: 0o755, ...more });
const ADDED = directory('added', { mode: 0o2750, gid: 44 });

/** Upper layers that replace, remove and dress up what is below them; with the directories above each entry, as engines write them. */
const UPPER = [
  buildTar([
    directory('lower'),
    { name: 'lower/.wh.file', content: '' },
    directory('lower/tree'),
    { name: 'lower/tree/.wh..wh..opq', content: '' },
    { name: 'lower/tree/again', content: 'again\n', uid: 1234, gid: 5678 },
    ADDED,
    { name: 'added/fifo', flag: '6', mode: 0o640 },
    { name: 'added/old', content: 'old\n', pax: { mtime: '981173106.25', 'SCHILY.xattr.user.note': 'text' } },
    { name: 'added/hard', flag: '1', linkName: 'added/old', pax: { mtime: '981173106.25' } },
  ]),
  buildTar([
    ADDED,
    { name: 'added/link', flag: '2', linkName: '../lower/owned', uid: 7, gid: 8 },
    directory('lower'),
    { name: 'lower/set-uid', content: 'changed\n', mode: 0o6711, uid: 1, gid: 2 },
  ]),
];

/** The same kinds of change, made inside a container. */
const CHANGES = [
  'cd /lower; rm file; rm -r tree; mkdir tree; echo again >tree/again; chown 1234:5678 tree/again',
  'mkdir -m 2750 /added; mkfifo -m 640 /added/fifo; echo old >/added/old; touch -d 2001-02-03 /added/old',
  'ln /added/old /added/hard; ln -s ../lower/owned /added/link; chown -h 7:8 /added/link; chown 1:2 set-uid; chmod 6711 set-uid',
].join('; ');

/**
 * In a container: type, mode, owner, time, link target and content of all but what the engine itself mounts. Not how many
 * links a file has: overlayfs also counts those that an upper layer has removed.
 */
const LOOK = `skip='-path /proc -o -path /dev -o -path /sys -o -path /run -o -path /etc'
all() { find / -mindepth 1 \\( $skip \\) -prune -o "$@" -print0 | sort -z; }
all -type d | xargs -0 stat -c '%n|%F|%a|%u|%g|%Y'
all ! -type d | xargs -0 stat -c '%N|%F|%a|%u|%g|%Y|%s'
all -type f | xargs -0 sha256sum`;

function withoutDirectoryTimes(look: string): string {
  return look.replaceAll(/(\|directory\|.*)\|\d+$/gmu, '$1');
}

describe('images between hutch and its peers', { skip }, () => {
  assert.ok(registry !== undefined);
  const { host, url } = registry;
  after(endPause);
  const box = makeSandbox();
  const scratch = path.join(box.directory, 'trees');
  const runtime = path.join(box.directory, 'peers-run');
  const archive = path.join(box.directory, 'busybox.tar');
  const { exported, unpackedByUmoci } = makeTrees(box, scratch);
  /** Why podman starts no containers here, whatever the image; undefined where it does. */
  let podmanFailure: string | undefined;
  after(() => removeInUserns([scratch]));

  const storage = ['--root', path.join(box.directory, 'peers'), '--runroot', path.join(runtime, 'storage')];
  const peer = async (program: string, args: readonly string[]): Promise<string> => {
    const env = { ...box.env, PATH: '/usr/sbin:/usr/bin:/bin', XDG_RUNTIME_DIR: runtime };
    const { stdout } = await run(program, args, { env, cwd: box.directory, maxBuffer: 1 << 24 });
    return stdout;
  };
  const buildah = (...args: readonly string[]): Promise<string> =>
    peer('buildah', [...storage, '--storage-driver', 'vfs', '--log-level', 'error', ...args]);
  const podman = (...args: readonly string[]): Promise<string> =>
    peer('podman', [
      ...storage,
      ...['--storage-driver', 'vfs', '--runtime', '/usr/sbin/runc', '--cgroup-manager', 'cgroupfs'],
      ...['--events-backend', 'none', '--log-level', 'error', ...args],
    ]);

  /** podman leaves processes that keep its user namespace; they are ours by adoption. */
  function endPause(): void {
    for (const { pid, command } of descendants()) if (command === 'catatonit -P') process.kill(pid, 'SIGKILL');
  }

  before(async () => {
    mkdirSync(runtime, { mode: 0o700 });
    await importBusybox(box);
    try {
      await podman('import', '-q', archive, 'localhost/base:1');
      await podman('run', '--rm', '--network', 'none', 'localhost/base:1', 'true');
    } catch (error) {
      podmanFailure = `podman runs nothing here: ${String(error)}`;
    }
  });

  /** Pulls, runs and exports an image, and compares its tree with what umoci makes of it. */
  const comparesWithUmoci = async (name: string, container: string): Promise<string> => {
    const image = `${host}/${name}`;
    printed(await box.hutch(['run', '-q', '--net', 'none', '--name', container, image, 'true']));
    const tree = await exported(container);
    assertSameTree(tree, await unpackedByUmoci(`docker://${image}`));
    return tree;
  };

  const dressed = /\.\/added\/old\|f\|644\|0\|0\|2\|4\|/u;
  const own = [
    { kind: 'imported', words: /\.\/lower\/tree\/deep\/leaf\|f/u },
    { kind: 'committed', words: dressed },
    { kind: 'layered', words: dressed },
    { kind: 'leaning', words: /\.\/own\|d\|2750\|33\|44\|/u },
    { kind: 'leaning-on', words: /\.\/own\/deep\/more\|f\|644\|0\|0\|1\|5\|/u },
  ];

  const make: Readonly<Record<string, () => Promise<string>>> = {
    imported: () => Promise.resolve(BUSYBOX),
    async committed() {
      printed(await box.hutch(['run', '--net', 'none', '--name', 'changed', BUSYBOX, 'sh', '-euc', CHANGES]));
      const id = readFileSync(path.join(box.data, 'names', 'changed'), 'utf8');
      const upper = path.join(box.data, 'containers', id, 'upper');
      await inUserns('setfattr -n user.note -v text "$1/added/old"', upper);
      printed(await box.hutch(['commit', '-q', 'changed', 'own:committed']));
      return 'own:committed';
    },
    async layered() {
      const image = makeImage({ layers: [busyboxArchive(), ...UPPER], compression: ['gzip', 'none', 'gzip'] });
      await pushByHand(url, 'by/hand', '1', image);
      printed(await box.hutch(['pull', '-q', `${host}/by/hand:1`]));
      return `${host}/by/hand:1`;
    },
    async leaning() {
      await pushByHand(url, 'by/leaning', '1', makeImage({ layers: timedLeaningLayers('x') }));
      printed(await box.hutch(['pull', '-q', `${host}/by/leaning:1`]));
      return `${host}/by/leaning:1`;
    },
    async 'leaning-on'() {
      const script = 'echo more >/own/deep/more; rm /tmp/again; ln /own/file /tmp/third';
      const image = `${host}/own/leaning:1`;
      printed(await box.hutch(['run', '--net', 'none', '--name', 'leaner', image, 'sh', '-euc', script]));
      printed(await box.hutch(['commit', '-q', 'leaner', 'own:leaning-on']));
      return 'own:leaning-on';
    },
  };

  for (const { kind, words } of own)
    it(`podman and umoci see in the image that hutch has ${kind} and pushed what hutch sees`, async (test) => {
      const pushed = `own/${kind}:1`;
      printed(await box.hutch(['push', '-q', (await make[kind]?.()) ?? '', `${host}/${pushed}`]));
      assert.match(await comparesWithUmoci(pushed, `own-${kind}`), words);
      const inHutch = printed(await box.hutch(['run', '--rm', '--net', 'none', `${host}/${pushed}`, 'sh', '-c', LOOK]));
      if (podmanFailure !== undefined) {
        test.skip(podmanFailure);
        return;
      }
      await podman('pull', '-q', '--tls-verify=false', `${host}/${pushed}`);
      const inPodman = await podman('run', '--rm', '--network', 'none', `${host}/${pushed}`, 'sh', '-c', LOOK);
      assert.match(inPodman, /\/lower\/owned'?\|regular file\|644\|33\|44\|/u);
      // podman lets the time of a directory change that has no entry of its own.
      const seen = kind.startsWith('leaning') ? withoutDirectoryTimes : String;
      assertSameTree(seen(inHutch), seen(inPodman));
    });

  it('a layer that another repository of the registry has is mounted, not sent', async () => {
    const outcome = await box.hutch(['push', `${host}/own/layered:1`, `${host}/mounted/here:1`]);
    assert.equal(outcome.code, 0, outcome.stderr);
    const asked = registry.requests().filter((line) => line.includes('/v2/mounted/here/blobs/uploads/'));
    assert.equal(
      asked.filter((line) => /^POST .*[?&]mount=sha256%3A\w+&from=(?:by%2Fhand|own%2F)/u.test(line)).length,
      4,
    );
    assert.deepEqual(
      asked.filter((line) => line.startsWith('PUT')),
      [],
    );
    await comparesWithUmoci('mounted/here:1', 'mounted');
  });

  let built: Promise<string> | undefined;
  const build = async (): Promise<string> => {
    const container = (await buildah('from', 'scratch')).trim();
    await buildah('add', '-q', container, archive, '/');
    await buildah('config', '--env', 'BY=buildah', '--cmd', '["sh", "-c", "echo $BY"]', container);
    return container;
  };

  for (const [format, compression] of [
    ['oci', 'gzip'],
    ['docker', 'gzip'],
    ['oci', 'zstd'],
  ] as const)
    it(`hutch runs what buildah has built and pushed as ${format} with ${compression}`, async () => {
      const name = `buildah/${format}:${compression}`;
      const container = await (built ??= build());
      await buildah('commit', '-q', '--format', format, container, `localhost/${name}`);
      const how = ['--tls-verify=false', '--compression-format', compression];
      await buildah('push', '-q', ...how, '--format', format, `localhost/${name}`, `docker://${host}/${name}`);
      assert.equal(printed(await box.hutch(['run', '-q', '--rm', '--net', 'none', `${host}/${name}`])), 'buildah\n');
      // umoci of Debian 12 knows no zstd.
      if (compression === 'gzip') await comparesWithUmoci(name, `buildah-${format}`);
    });

  it('hutch runs what podman has committed and pushed', async (test) => {
    if (podmanFailure !== undefined) {
      test.skip(podmanFailure);
      return;
    }
    await podman('run', '--name', 'changed', '--network', 'none', 'localhost/base:1', 'sh', '-euc', CHANGES);
    await podman('commit', '-q', 'changed', 'localhost/changed:1');
    await podman('push', '-q', '--tls-verify=false', 'localhost/changed:1', `docker://${host}/podman/changed:1`);
    const tree = await comparesWithUmoci('podman/changed:1', 'podman-changed');
    assert.match(tree, dressed);
    assert.doesNotMatch(tree, /\.\/lower\/(?:file|tree\/deep)\|/u);
  });

  it('hutch runs what umoci has repacked and skopeo pushed', async () => {
    const place = path.join(scratch, 'umoci');
    mkdirSync(place);
    await inUserns(
      `cd "$1"; export HOME="$1"; skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$2/own/imported:1" oci:layout:1
      umoci unpack --image layout:1 bundle
      cd bundle/rootfs; rm lower/file; echo umoci >made; chown 12:34 made; setfattr -n user.note -v text made; cd ../..
      umoci repack --image layout:2 bundle
      skopeo copy -q --insecure-policy --dest-tls-verify=false oci:layout:2 "docker://$2/umoci/repacked:1"`,
      place,
      host,
    );
    const tree = await comparesWithUmoci('umoci/repacked:1', 'umoci-repacked');
    assert.match(tree, /\.\/made\|f\|644\|12\|34\|1\|6\|/u);
    assert.match(tree, /user\.note=/u);
    assert.doesNotMatch(tree, /\.\/lower\/file\|/u);
  });

  // At the end: podman remembers the zstd form of a layer, and pushes that where umoci has to read it.
  for (const [format, compression] of [
    ['v2s2', 'gzip'],
    ['oci', 'zstd'],
  ] as const)
    it(`podman runs what hutch has pushed as ${format} with ${compression}`, async (test) => {
      const name = `form/${format}:${compression}`;
      const how = ['--format', format, '--compression-format', compression];
      printed(await box.hutch(['push', '-q', ...how, 'own:committed', `${host}/${name}`]));
      if (compression === 'gzip') assert.match(await comparesWithUmoci(name, `form-${format}`), dressed);
      if (podmanFailure !== undefined) {
        test.skip(podmanFailure);
        return;
      }
      await podman('pull', '-q', '--tls-verify=false', `${host}/${name}`);
      const inPodman = await podman('run', '--rm', '--network', 'none', `${host}/${name}`, 'sh', '-c', LOOK);
      const inHutch = await box.hutch(['run', '--rm', '--net', 'none', 'own:committed', 'sh', '-c', LOOK]);
      assertSameTree(printed(inHutch), inPodman);
    });
});
