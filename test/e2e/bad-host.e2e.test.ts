/** A host that lacks something: each time in a world of the test's own, where just that is missing (world.ts). */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { busyboxArchive, busyboxSkip } from './busybox-archive.ts';
import { remaining } from './processes.ts';
import { assertRefused, containerTraces, hostSkip, makeSandbox, type Outcome, type Sandbox } from './sandbox.ts';
import { ONE_ID, world } from './world.ts';

function worldSkip(): string | false {
  if (hostSkip() !== false) return hostSkip();
  const [program, ...args] = [...world({ setup: '' }), 'true'];
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return status === 0 ? false : `no user namespace within a user namespace: ${stderr}`;
}

/** Runs `hutch run --rm FLAGS host true` in a world. */
function runIn(box: Sandbox, setup: string, ...flags: readonly string[]): Promise<Outcome> {
  const wrapper = world({ setup: setup.replaceAll('$BOX', box.directory) });
  return box.hutch(['run', '--rm', ...flags, 'host', 'sh', '-c', 'echo ran'], { wrapper });
}

/** The error of hutch without the line about the one id, which every world brings. */
function withoutWarning(outcome: Outcome): Outcome {
  return { ...outcome, stderr: outcome.stderr.replace(ONE_ID, '') };
}

const hide = (program: string): string =>
  `for d in /usr/bin /usr/local/bin; do if [ -e $d/${program} ]; then mount --bind /dev/null $d/${program}; fi; done`;

describe('without subordinate ids hutch run', { skip: worldSkip() }, () => {
  const box = makeSandbox();

  it('runs with one id, and says so once on stderr', async () => {
    const { code, stdout, stderr } = await runIn(box, '', '--net', 'none');
    assert.match(stderr, ONE_ID);
    assert.equal(stderr.split('\n').length, 2);
    assert.deepEqual([code, stdout], [0, 'ran\n']);
  });

  it('does the same when newuidmap is not installed', async () => {
    const { code, stdout, stderr } = await runIn(box, hide('newuidmap'), '--net', 'none');
    assert.match(stderr, /^hutch: .*only root exists in this container: newuidmap is not installed .*\n$/u);
    assert.deepEqual([code, stdout], [0, 'ran\n']);
  });

  it('refuses another user, who does not exist', async () => {
    assertRefused(withoutWarning(await runIn(box, '', '--net', 'none', '-u', '1000')), /1000/u);
    assert.deepEqual(containerTraces(box), []);
  });

  it('refuses a newuidmap that has no power, and says what its helper said', async () => {
    // The file is there, but a program with the set-uid bit of an id that the world does not have is an ordinary program.
    const setup = 'umount /etc/subuid /etc/subgid';
    assertRefused(await runIn(box, setup, '--net', 'none'), /^hutch: .*newuidmap|uid_map/u);
    assert.deepEqual(containerTraces(box), []);
  });
});

describe('a host that lacks something is told apart:', { skip: worldSkip() }, () => {
  const box = makeSandbox();
  const cases: readonly (readonly [string, string, readonly string[], RegExp])[] = [
    [
      'slirp4netns is missing',
      hide('slirp4netns'),
      [],
      /^hutch: slirp4netns is not installed; it is needed to connect the container .*\n.*apt-get install slirp4netns/u,
    ],
    [
      '/dev/net/tun is missing',
      'mount --bind /dev/null /dev/net/tun; mount -t tmpfs none /dev/net',
      [],
      /^hutch: \/dev\/net\/tun cannot be opened/u,
    ],
    [
      'fuse-overlayfs is missing',
      hide('fuse-overlayfs'),
      ['--net', 'none', '--storage-driver', 'fuse-overlayfs'],
      /^hutch: .*fuse-overlayfs.* is not installed/u,
    ],
    [
      '/dev/fuse is missing',
      'mount --bind /dev/null /dev/fuse',
      ['--net', 'none', '--storage-driver', 'fuse-overlayfs'],
      /^hutch: .*fuse/u,
    ],
    [
      'no init program for --init',
      ['catatonit', 'tini-static', 'docker-init'].map(hide).join('\n'),
      ['--net', 'none', '--init'],
      /^hutch: --init needs a small init program.*\n.*apt-get install catatonit/u,
    ],
    [
      'no more user namespaces',
      'echo 1 >/proc/sys/user/max_user_namespaces',
      ['--net', 'none'],
      /^hutch: .*namespace/u,
    ],
    ['no more pid namespaces', 'echo 0 >/proc/sys/user/max_pid_namespaces', ['--net', 'none'], /^hutch: .*namespace/u],
    [
      'only one more pid namespace',
      'echo 1 >/proc/sys/user/max_pid_namespaces',
      ['--net', 'none'],
      /^hutch: .*namespace/u,
    ],
    [
      'no more mount namespaces',
      'echo 1 >/proc/sys/user/max_mnt_namespaces',
      ['--net', 'none'],
      /^hutch: .*namespace/u,
    ],
    [
      'no more network namespaces',
      'echo 0 >/proc/sys/user/max_net_namespaces',
      ['--net', 'none'],
      /^hutch: .*namespace/u,
    ],
    [
      'no more time namespaces',
      'echo 0 >/proc/sys/user/max_time_namespaces',
      ['--net', 'none'],
      /^hutch: .*namespace/u,
    ],
    [
      'the store is read-only',
      'mkdir -p $BOX/data; mount --bind $BOX/data $BOX/data; mount -o remount,bind,ro $BOX/data',
      ['--net', 'none'],
      /^hutch: .*EROFS/u,
    ],
    [
      'the whole home and run directory are read-only',
      'mount --bind $BOX $BOX; mount -o remount,bind,ro $BOX',
      ['--net', 'none'],
      /^hutch: .*EROFS/u,
    ],
  ];
  for (const [title, setup, flags, message] of cases) {
    it(title, async () => {
      assertRefused(withoutWarning(await runIn(box, setup, ...flags)), message);
      assert.equal(await remaining(), '');
      assert.deepEqual(containerTraces(box), []);
    });
  }

  it('control: in a world where nothing is missing all of these run', async () => {
    for (const flags of [[], ['--net', 'none', '--storage-driver', 'fuse-overlayfs'], ['--net', 'none', '--init']]) {
      const { code, stdout } = await runIn(box, '', ...flags);
      assert.deepEqual([code, stdout], [0, 'ran\n'], flags.join(' '));
    }
  });
});

describe('on a full disk hutch run', { skip: worldSkip() }, () => {
  const box = makeSandbox();
  // The file system is gone with the world, so what is left of a container in it is listed from within.
  const list =
    'find "$HUTCH_DATA"/containers "$HUTCH_DATA"/names "$HUTCH_DATA"/staging -mindepth 1 2>/dev/null; ls "$XDG_RUNTIME_DIR"/hutch/running 2>/dev/null';
  const runFull = async (sizeKib: number, filler: string): Promise<Outcome> => {
    const small = `${box.directory}/small`;
    const setup = `mkdir -p ${small}; mount -t tmpfs -o size=${sizeKib}k,nr_inodes=400,mode=700 none ${small}\n${filler.replaceAll('$SMALL', small)}`;
    const wrapper = [...world({ setup }), 'sh', '-c', `"$@"; code=$?; ${list}; exit $code`, 'sh'];
    const env = { HUTCH_DATA: `${small}/data` };
    return withoutWarning(
      await box.hutch(['run', '--rm', '--net', 'none', 'host', 'sh', '-c', 'echo ran'], { wrapper, env }),
    );
  };

  /** Imports x:1, fills the disk, runs hutch; then come its exit code, the free blocks, and the images that are left. */
  const onFullDisk = (argv: readonly string[]): Promise<Outcome> => {
    const small = `${box.directory}/small`;
    const archive = box.file('busybox.tar', busyboxArchive());
    const setup = `mkdir -p ${small}; mount -t tmpfs -o size=16m,mode=700 none ${small}`;
    const script = `"$1" image import -q ${archive} x:1; cat /dev/zero >${small}/filler 2>/dev/null
      "$@"; echo "$? $(stat -f -c %a ${small}) free"; "$1" images --format '{{.Repository}}'`;
    const words = argv.map((word) => (word === 'ARCHIVE' ? archive : word));
    const wrapper = [...world({ setup }), 'sh', '-c', script, 'sh'];
    return box.hutch(words, { wrapper, env: { HUTCH_DATA: `${small}/data` } });
  };

  it('runs while there is room', async () => {
    const { code, stdout } = await runFull(4000, '');
    assert.deepEqual([code, stdout], [0, 'ran\n']);
  });

  it('says so, names the remedy, and leaves no half-made container', async () => {
    const codes: (number | null)[] = [];
    for (const freeKib of [0, 8, 24, 48, 72, 96, 120, 144, 390]) {
      const outcome = await runFull(400, `head -c ${(400 - freeKib) * 1024} /dev/zero >$SMALL/filler || true`);
      codes.push(outcome.code);
      if (outcome.code === 0) continue;
      assertRefused(outcome, /^hutch: .*(?:ENOSPC|no space)/iu);
      assert.match(outcome.stderr, /fix: .*(?:space|HUTCH_DATA)/u);
    }
    assert.deepEqual([codes[0], codes.at(-1)], [125, 0], 'control: it runs where there is room');
  });

  it('control: no image can be made there', { skip: busyboxSkip() }, async () => {
    const { stderr, stdout } = await onFullDisk(['image', 'import', '-q', 'ARCHIVE', 'y:1']);
    assert.match(stderr, /^hutch: .*ENOSPC\n {2}fix: free some space \(hutch rmi/mu);
    assert.match(stdout, /\n125 0 free\nx\n$/u);
  });

  it('hutch rmi and hutch image prune still remove images, which is the remedy', { skip: busyboxSkip() }, async () => {
    for (const argv of [
      ['rmi', 'x:1'],
      ['image', 'prune', '-a', '-f'],
    ]) {
      const { stderr, stdout } = await onFullDisk(argv);
      assert.equal(withoutWarning({ code: 0, signal: null, stderr, stdout }).stderr, '');
      assert.match(stdout, /\nUntagged: x:1\nDeleted: sha256:[^]*\n0 [1-9]\d+ free\n$/u, argv.join(' '));
    }
  });

  it('hutch rm still removes containers there', async () => {
    const small = `${box.directory}/small`;
    const setup = `mkdir -p ${small}; mount -t tmpfs -o size=1m,mode=700 none ${small}`;
    const script = `"$1" run --net none --name old host sh -c 'head -c 99999 /dev/zero >/var/tmp/x'
      cat /dev/zero >${small}/filler 2>/dev/null; "$@"; echo "$? $(stat -f -c %a ${small})"; ${list}`;
    const wrapper = [...world({ setup }), 'sh', '-c', script, 'sh'];
    const env = { HUTCH_DATA: `${small}/data` };
    const { stdout, stderr } = await box.hutch(['rm', 'old'], { wrapper, env });
    assert.match(stdout, /^old\n0 [1-9]\d+\n$/u, stderr);
  });

  it('says so too when inodes are what is lacking', async () => {
    const outcome = await runFull(4000, 'for i in $(seq 390); do : >$SMALL/$i || break; done');
    assertRefused(outcome, /^hutch: .*ENOSPC/u);
  });
});
