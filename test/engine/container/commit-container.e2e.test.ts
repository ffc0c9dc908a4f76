/** What a container has changed, out and in again: diff, export and commit, for each storage driver. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { removeInUserns } from '../../../src/userns/run-in-userns.ts';
import { busyboxSkip } from '../../e2e/busybox-archive.ts';
import { eventually } from '../../e2e/processes.ts';
import { BUSYBOX, idsSkip, importBusybox, makeSandbox, printed } from '../../e2e/sandbox.ts';
import { makeTrees } from '../../e2e/trees.ts';
import { inUserns } from '../../helpers/userns-tree.ts';

const skip = busyboxSkip() || (await idsSkip());

/** In the container. */
const CHANGES = [
  'cd /lower',
  'rm file soft; echo new >large; chown 5:6 owned; chmod 2755 set-uid',
  'rm -r tree; mkdir tree; echo again >tree/again',
  'rm hard; mkdir hard; echo in-place-of-a-file >hard/inside',
  'mkdir -p /a/b; echo h >/a/b/h; ln /a/b/h /a/k; ln -s ../nowhere /a/l; mkfifo -m 640 /a/p; mkdir -m 1777 /a/sticky',
  'touch "/a/$(printf "new\\nline")" "/a/$(printf "raw\\377")" "/a/$(printf "%0150d" 7)"',
  'dd if=/dev/zero of=/a/sparse bs=1 count=1 seek=3000000 2>/dev/null; chown 65535:1 /a/sparse',
  'touch -d 1960-01-02 /a/old; chown -h 7:8 /a/l; echo deep >/usr/lib/added',
].join('; ');

/** On what it has written: attributes and a socket, which busybox cannot make. */
const DRESS = `cd "$1/a"; setfattr -n user.note -v text b/h
setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 sparse
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
touch -d '2001-02-03 04:05:06.123456789' b/h`;

const EXPECTED = [
  'A /a',
  'A /a/b/h',
  'A /a/k',
  'A /a/p',
  'C /lower',
  'D /lower/file',
  'C /lower/hard',
  'A /lower/hard/inside',
  'C /lower/large',
  'C /lower/owned',
  'C /lower/set-uid',
  'D /lower/soft',
  'C /lower/tree',
  'A /lower/tree/again',
  'D /lower/tree/deep',
  'C /usr/lib',
  'A /usr/lib/added',
];

describe('what a container has changed', { skip }, () => {
  const box = makeSandbox();
  const scratch = path.join(box.directory, 'trees');
  before(async () => {
    await importBusybox(box);
  });
  after(() => removeInUserns([scratch]));

  const { exported, unpackedByUmoci } = makeTrees(box, scratch);

  for (const driver of ['overlay', 'fuse-overlayfs', 'vfs']) {
    test(`diff, export and commit show the same changes with ${driver}, as hutch and umoci apply them`, async () => {
      const image = `changed:${driver}`;
      const flags = ['--net', 'none', '--storage-driver', driver];
      printed(await box.hutch(['run', ...flags, '--name', driver, BUSYBOX, 'sh', '-euc', CHANGES]));
      const id = readFileSync(path.join(box.data, 'names', driver), 'utf8');
      await inUserns(DRESS, path.join(box.data, 'containers', id, 'upper'));

      const changes = printed(await box.hutch(['diff', driver])).split('\n');
      for (const line of EXPECTED) assert.ok(changes.includes(line), `${line} is missing in ${changes.join(', ')}`);
      for (const line of ['/dev', '/proc', '/etc/hosts', '/lower/tree/deep/leaf'])
        assert.ok(!changes.some((change) => change.endsWith(line)), `${line} is no change`);

      const commit = await box.hutch([
        'commit',
        '-m',
        'why',
        '-a',
        'A <a@example.org>',
        '-c',
        'ENV B=2',
        driver,
        image,
      ]);
      assert.equal(commit.code, 0, commit.stderr);
      assert.match(commit.stderr, /left out 1 sockets/u);

      const original = await exported(driver);
      assert.match(original, /a\/sparse\|f\|644\|65535\|1\|1\|3000001/u);
      assert.match(original, /a\/b\/h\|f\|644\|0\|0\|2\|2\|981173106\.1234567890/u);
      assert.match(original, /a\/old\|f\|644\|0\|0\|1\|0\|-315/u);
      assert.match(original, /security\.capability=0x01000002/u);
      assert.match(original, /user\.note=/u);

      printed(await box.hutch(['run', '--net', 'none', '--name', `${driver}-2`, image, 'true']));
      assert.equal(await exported(`${driver}-2`), original);

      const archive = path.join(box.directory, `${driver}.oci.tar`);
      printed(await box.hutch(['save', '--format', 'oci-archive', '-o', archive, image]));
      assert.equal(await unpackedByUmoci(`oci-archive:${archive}`), original);
      const [details] = JSON.parse(printed(await box.hutch(['image', 'inspect', image]))) as [
        { Author: string; Comment: string; Config: { Env: string[] } },
      ];
      assert.deepEqual([details.Author, details.Comment, details.Config.Env], ['A <a@example.org>', 'why', ['B=2']]);
    });
  }

  test('the same changes give the same layer', async () => {
    const first = printed(await box.hutch(['commit', '-q', 'overlay'], { env: { SOURCE_DATE_EPOCH: '1' } }));
    const second = printed(await box.hutch(['commit', '-q', 'overlay'], { env: { SOURCE_DATE_EPOCH: '1' } }));
    assert.equal(first, second);
    const events = printed(
      await box.hutch(['events', '--until', '0s', '-f', 'event=commit', '-f', 'container=overlay']),
    );
    assert.ok(events.includes(`imageID=${first.trim()}`), events);
  });

  test('nothing can be made of a container that is unknown, and no archive and no image of the host', async () => {
    printed(await box.hutch(['run', '--net', 'none', '--name', 'hosted', 'host', 'true']));
    for (const words of [['diff'], ['export', '-o', 'x.tar'], ['commit']]) {
      const unknown = await box.hutch([...words, 'nobody']);
      assert.equal(unknown.code, 125);
      assert.match(unknown.stderr, /there is no container "nobody"/u);
      const host = await box.hutch([...words, 'hosted']);
      assert.equal(host.code, words[0] === 'diff' ? 0 : 125);
      if (words[0] === 'diff') continue;
      assert.match(host.stderr, /it is this system itself, whose files have no owners in a container/u);
      assert.match(host.stderr, /hutch diff hosted .* hutch cp .*hutch pull, hutch image import/u);
    }
  });

  for (const driver of ['overlay', 'fuse-overlayfs', 'vfs'])
    test(`a running container can be compared, exported and committed with ${driver}`, async () => {
      const name = `live-${driver}`;
      const script = 'echo now >/new; rm /bin/wc; exec sleep 1000';
      const flags = ['-d', '--net', 'none', '--storage-driver', driver, '--name', name];
      printed({ ...(await box.hutch(['run', ...flags, BUSYBOX, 'sh', '-c', script])), stdout: '' });
      for (
        let round = 0;
        round < 50 && (await box.hutch(['exec', name, 'test', '-e', '/bin/wc'])).code === 0;
        round += 1
      );
      const changes = printed(await box.hutch(['diff', name])).split('\n');
      assert.ok(changes.includes('A /new') && changes.includes('D /bin/wc'), changes.join(', '));
      const archive = path.join(box.directory, `${name}.tar`);
      printed(await box.hutch(['export', '-o', archive, name]));
      const { stdout } = spawnSync('tar', ['-xOf', archive, 'new'], { encoding: 'utf8' });
      assert.equal(stdout, 'now\n');
      printed({ ...(await box.hutch(['commit', '-q', name, `${name}:1`])), stdout: '' });
      assert.equal(printed(await box.hutch(['run', '--rm', '--net', 'none', `${name}:1`, 'cat', '/new'])), 'now\n');
      printed({ ...(await box.hutch(['rm', '-f', name])), stdout: '' });
    });

  test('a running container that exchanges links and directories gets nothing of another one into an archive', async () => {
    printed(
      await box.hutch([
        'run',
        '--net',
        'none',
        '--name',
        'other',
        BUSYBOX,
        'sh',
        '-c',
        'mkdir /top; echo of-another >/top/secret',
      ]),
    );
    const other = readFileSync(path.join(box.data, 'names/other'), 'utf8');
    const flip = `mkdir -p /r/x; echo own >/r/x/secret; ln -s ../../../${other}/upper/top /r/l; echo up; cd /r; while :; do mv x y; mv l x; mv x l; mv y x; done`;
    const child = box.start(['run', '--rm', '--net', 'none', '--name', 'racer', BUSYBOX, 'sh', '-c', flip]);
    const ended = new Promise((resolve) => child.once('close', resolve));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const racer = readFileSync(path.join(box.data, 'names/racer'), 'utf8');
    for (let round = 0; round < 10; round += 1) {
      const { stdout, code, stderr } = await box.hutch(['export', 'racer']);
      assert.equal(code, 0, stderr);
      assert.ok(!stdout.includes('of-another'));
    }
    // A path would lead there.
    const seen = path.join(box.data, 'containers', racer, 'upper/r/l/secret');
    const read = (): string | undefined => {
      try {
        return readFileSync(seen, 'utf8');
      } catch {
        return undefined;
      }
    };
    assert.equal(await eventually(read), 'of-another\n');
    printed({ ...(await box.hutch(['rm', '-f', 'racer'])), stdout: '' });
    await ended;
  });
});
