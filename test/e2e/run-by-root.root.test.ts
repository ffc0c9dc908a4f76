/**
 * `hutch run` by root: every id of the container is a subordinate one, host root is none of them. Each run is in a mount
 * namespace whose /run and /var/lib are its own, so that root's real store is left alone.
 */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { LEANING, leaningLayers, LOOK_LEANING } from '../drivers/rootfs/leaning-layers.ts';
import { ociArchive } from '../helpers/image-archive.ts';
import { makeImage } from '../helpers/sample-image.ts';
import { adoptOrphans, descendant, remaining } from './processes.ts';
import { HUTCH, outcomeOf, type Child, type Outcome } from './sandbox.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';
const directory = mkdtempSync(path.join(tmpdir(), 'hutch-root-'));
chmodSync(directory, 0o711);
after(() => rmSync(directory, { recursive: true, force: true }));

function start(script: string): Child {
  const setup = 'mount -t tmpfs -o mode=755 none /run && mount -t tmpfs -o mode=755 none /var/lib && exec sh -c "$0"';
  return spawn('unshare', ['--mount', 'sh', '-c', setup, script.replaceAll('hutch ', `'${HUTCH}' `)], {
    cwd: directory,
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

const run = (script: string): Promise<Outcome> => outcomeOf(start(script));

describe('hutch run by root', { skip }, () => {
  if (skip === false) adoptOrphans();

  it('runs a command, with its exit code', async () => {
    const outcome = await run(`hutch run --rm --net none host sh -c 'id -u; exit 7'`);
    assert.deepEqual({ ...outcome, signal: null }, { code: 7, signal: null, stdout: '0\n', stderr: '' });
    assert.equal(await remaining(), '');
  });

  it('joins the network of another container, and starts its helper again', async () => {
    const { stdout } = await run(`hutch run -d --name first host sleep 1000 >/dev/null
hutch run --rm --net container:first host sh -c 'ls /sys/class/net; id -u'
kill -KILL "$(hutch inspect -f '{{.NetworkSettings.Helper.Pid}}' first)"
for turn in $(seq 100); do
  seen=$(hutch inspect -f '{{.NetworkSettings.Helper.Status}} {{.NetworkSettings.Helper.Restarts}}' first)
  [ "$seen" != 'up 1' ] || break
done
echo "$seen"; hutch rm -f first`);
    assert.equal(stdout, 'lo\ntap0\n0\nup 1\nfirst\n');
    assert.equal(await remaining(), '');
  });

  it('maps all 65536 ids to subordinate ones, and none to host root, as seen from the host', async () => {
    const child = start('hutch run --rm --net none host sleep 1000');
    const outcome = outcomeOf(child);
    const { pid } = await descendant(/^sleep 1000/u);
    for (const file of ['uid_map', 'gid_map']) {
      const extents = readFileSync(`/proc/${pid}/${file}`, 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.trim().split(/ +/u).map(Number));
      assert.equal(
        extents.reduce((sum, [, , count = 0]) => sum + count, 0),
        65_536,
      );
      for (const [, first = 0] of extents) assert.ok(first >= 65_536, `${file} begins at ${first}`);
    }
    assert.ok(statSync(`/proc/${pid}`).uid >= 65_536, 'the process itself belongs to a subordinate id');
    assert.match(readFileSync(`/proc/${pid}/status`, 'utf8'), /^Uid:\t[1-9]\d{4,}/mu);
    process.kill(pid, 'SIGKILL');
    assert.equal((await outcome).code, 137);
    assert.equal(await remaining(), '');
  });

  it('gives what it writes in a volume to the subordinate id, and cannot write what is root’s', async () => {
    const share = path.join(directory, 'share');
    mkdirSync(share);
    spawnSync('chmod', ['1777', share]);
    writeFileSync(path.join(share, 'roots'), 'of root\n', { mode: 0o644 });
    const script =
      'echo x >/share/new; echo y >>/share/roots; rm -f /share/roots; chown 0 /share/roots; cat /share/roots';
    const { stdout, stderr } = await run(`hutch run --rm --net none -v '${share}:/share' host sh -c '${script}'`);
    assert.equal(stdout, 'of root\n');
    assert.match(stderr, /ermission denied|not permitted/u);
    assert.ok(statSync(path.join(share, 'new')).uid >= 65_536);
    assert.equal(readFileSync(path.join(share, 'roots'), 'utf8'), 'of root\n');
  });

  it('reads nothing that only host root may read', async () => {
    mkdirSync(path.join(directory, 'open'));
    const secret = path.join(directory, 'open/secret');
    writeFileSync(secret, 'secret\n', { mode: 0o600 });
    const { stdout, stderr } = await run(
      `hutch run --rm --net none -v '${directory}/open:/open:ro' host sh -c 'cat /open/secret /etc/shadow'`,
    );
    assert.equal(stdout, '');
    assert.match(stderr, /\/open\/secret: Permission denied[^]*\/etc\/shadow: Permission denied/u);
  });

  it('imports images, runs them with every driver, and removes containers', async () => {
    const script = `
tar -C / -cf ${directory}/box.tar --transform 's,^usr/bin,bin,' usr/bin/busybox
hutch image import -q ${directory}/box.tar box:1
for driver in overlay fuse-overlayfs vfs; do
  hutch run --name c --net none --storage-driver $driver box:1 /bin/busybox sh -c '/bin/busybox echo $0 >/file; /bin/busybox cat /file' $driver
  hutch rm c
done
hutch ps -a -q`;
    const { code, stdout, stderr } = await run(script);
    assert.equal(stderr, '');
    assert.equal(code, 0);
    assert.match(stdout, /^sha256:[0-9a-f]{64}\noverlay\nc\nfuse-overlayfs\nc\nvfs\nc\n$/u);
    assert.equal(await remaining(), '');
  });

  it('keeps a detached container, stops it, starts it again with what it has written, and removes it', async () => {
    const script = `
hutch run -d --name c --net none host sh -c 'trap "exit 5" TERM; echo x >>/etc/n; wc -l </etc/n; while :; do sleep 0.05; done' >/dev/null
until [ "$(hutch logs c)" = 1 ]; do sleep 0.05; done
hutch stop c && hutch wait c && hutch start c
until [ "$(hutch logs c | tail -n 1)" = 2 ]; do sleep 0.05; done
hutch ps --format '{{.Names}} {{.State}}'
hutch rm -f c
hutch ps -a -q`;
    const { code, stdout, stderr } = await run(script);
    assert.equal(stderr, '');
    assert.equal(code, 0);
    assert.equal(stdout, 'c\n5\nc\nc running\nc\n');
    assert.equal(await remaining(), '');
  });

  it('fits layers to those below them', async () => {
    const archive = path.join(directory, 'leaning.tar');
    writeFileSync(archive, ociArchive(makeImage({ layers: leaningLayers('x') }), 'leaning:1'));
    const { code, stdout, stderr } = await run(`hutch load -i ${archive}
hutch run --rm --net none leaning:1 sh -c "${LOOK_LEANING.replaceAll('\n', ';')}"`);
    assert.equal(stderr, '');
    assert.equal(code, 0);
    assert.equal(stdout, `Loaded image: leaning:1\n${LEANING}`);
  });

  it('runs commands in a container and copies to and from it, with no id of host root', async () => {
    const script = `
hutch run -d --name c --net none host sleep 1000 >/dev/null
hutch exec c sh -c 'id -u; cat /proc/self/uid_map' | tr -s ' '
hutch exec -u 33 c id -u
hutch exec c cat /etc/shadow 2>&1 | sed 's/.*: //'
mkdir -m 1777 ${directory}/both; echo in >${directory}/in; chmod 600 ${directory}/in
hutch cp ${directory}/in c:/etc/copied && hutch exec c cat /etc/copied && hutch exec c stat -c %u /etc/copied
hutch cp c:/etc/copied ${directory}/both/out && cat ${directory}/both/out
hutch cp c:/etc/shadow ${directory}/both/shadow 2>/dev/null; echo $?; ls ${directory}/both
hutch rm -f c`;
    const { stdout, stderr } = await run(script);
    assert.equal(stderr, '');
    const [, first = '0'] = /^0\n 0 (\d+) 65536\n/u.exec(stdout) ?? [];
    assert.ok(Number(first) >= 65_536, stdout);
    assert.equal(stdout.replace(/^.*\n.*\n/u, ''), '33\nPermission denied\nin\n0\nin\n125\nout\nc\n');
    assert.equal(await remaining(), '');
  });

  it('finds and mends what a killed monitor has left, and resets its own store alone', async () => {
    const script = `
hutch run -d --name c --net none host sleep 1000 >/dev/null
hutch check; echo "check $?"
kill -9 $(hutch inspect --format '{{.State.MonitorPid}}' c)
until [ "$(hutch ps -a --format '{{.State}}')" = exited ]; do sleep 0.05; done
hutch check >/dev/null; echo "check $?"
hutch check --repair >/dev/null; hutch check >/dev/null; echo "check $?"
touch /var/lib/other
hutch system reset --force >/dev/null; echo "reset $?"
hutch ps -a -q; ls /var/lib`;
    const { stdout, stderr } = await run(script);
    assert.equal(stderr, '');
    assert.match(stdout, /check 0\ncheck [1-9]\d*\ncheck 0\nreset 0\n(?:hutch\n)?other\n$/u);
    assert.equal(await remaining(), '');
  });

  it('has a network by slirp4netns', async () => {
    const { stdout, stderr } = await run(`hutch run --rm host cat /sys/class/net/tap0/mtu`);
    assert.deepEqual([stdout, stderr], ['65520\n', '']);
    assert.equal(await remaining(), '');
  });
});
