/** Wrong words on the command line: one clear error each, with its remedy and exit code 125, and nothing made. */

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { assertRefused, containerTraces, hostSkip, makeSandbox, printed } from './sandbox.ts';

/** What follows `hutch run --rm`, and how its error begins. */
const CASES: readonly (readonly [readonly string[], RegExp])[] = [
  [['nosuch', 'true'], /^hutch: .*nosuch/u],
  [['--pull', 'never', 'no.such.registry:5000/a/b:tag', 'true'], /^hutch: .*no\.such\.registry:5000\/a\/b:tag/u],
  [['Upper:case', 'true'], /^hutch: .*Upper/u],
  [['a/../b', 'true'], /^hutch: .*a\/\.\.\/b/u],
  [['', 'true'], /^hutch: /u],
  [['../../etc', 'true'], /^hutch: /u],
  [['host:latest', 'true'], /^hutch: .*host/u],
  [
    ['--storage-driver', 'zfs', 'host', 'true'],
    /^hutch: invalid value "zfs" for --storage-driver\n.*overlay, fuse-overlayfs, vfs/u,
  ],
  [['--storage-driver', 'vfs', 'host', 'true'], /^hutch: the image "host" cannot be used with storage driver vfs/u],
  [['-e', '=x', 'host', 'true'], /^hutch: invalid value "=x" for -e\n.*NAME=VALUE/u],
  [
    ['--env-file', '/no/such/file', 'host', 'true'],
    /^hutch: cannot read --env-file \/no\/such\/file: .*\n.*check the path/u,
  ],
  [['--env-file', '/', 'host', 'true'], /^hutch: cannot read --env-file \/: /u],
  [['--platform', 'linux/mips', 'host', 'true'], /^hutch: the image "host" is for linux\/.*, not for linux\/mips\n/u],
  [['--cap-add', 'FLY', 'host', 'true'], /^hutch: invalid value "FLY" for --cap-add\n.*NET_BIND_SERVICE/u],
  [['--cap-drop', 'FLY', 'host', 'true'], /^hutch: invalid value "FLY" for --cap-drop\n/u],
  [['--security-opt', 'seccomp=/no/such', 'host', 'true'], /^hutch: cannot read the seccomp profile \/no\/such: /u],
  [
    ['--security-opt', 'seccomp=/etc/passwd', 'host', 'true'],
    /^hutch: cannot read the seccomp profile \/etc\/passwd: it is not JSON/u,
  ],
  [['--security-opt', 'nonsense', 'host', 'true'], /^hutch: invalid value "nonsense" for --security-opt\n/u],
  [
    ['--security-opt', 'apparmor=x', 'host', 'true'],
    /^hutch: --security-opt apparmor=x: hutch cannot set AppArmor profiles yet\n/u,
  ],
  [['--group-add', 'a b', 'host', 'true'], /^hutch: invalid value "a b" for --group-add\n/u],
  [['--label', '', 'host', 'true'], /^hutch: invalid value "" for --label\n/u],
  [['--name', 'a/b', 'host', 'true'], /^hutch: "a\/b" cannot be a container's name\n/u],
  [['-t', '-i', 'host', 'true'], /^hutch: -t with -i needs a terminal/u],
  [['--rmm', 'host', 'true'], /^hutch: unknown flag --rmm for hutch run\n.*Did you mean --rm\?/u],
  [['--name'], /^hutch: flag --name needs a value\n/u],
  [[], /^hutch: hutch run needs IMAGE\n/u],
  [['-w', 'x', 'host', 'true'], /^hutch: invalid value "x" for -w\n/u],
  [['--tmpfs', 'x', 'host', 'true'], /^hutch: invalid value "x" for --tmpfs\n/u],
  [['--tmpfs', '/', 'host', 'true'], /^hutch: .* for --tmpfs\n/u],
  [['--tmpfs', '/proc', 'host', 'true'], /^hutch: invalid value "\/proc" for --tmpfs\n.*outside of \/proc/u],
  [['-v', '/etc:/x/../proc/', 'host', 'true'], /^hutch: invalid value "\/etc:.*" for -v\n.*outside of \/proc/u],
  [['-v', '/etc:/proc/self/fd', 'host', 'true'], /^hutch: invalid value "\/etc:.*" for -v\n.*outside of \/proc/u],
  [['--tmpfs', '/etc/passwd', 'host', 'true'], /^hutch: .*\/etc\/passwd/u],
  [
    ['-v', '/etc:/etc/passwd:ro', 'host', 'true'],
    /^hutch: .*\/etc\/passwd[^]*a directory can be put only on a directory/u,
  ],
  [['-v', '/etc/passwd:/etc:ro', 'host', 'true'], /^hutch: .*\/etc/u],
  [['--shm-size=--rm', 'host', 'true'], /^hutch: flag --shm-size expects a value\n/u],
  [
    ['--ulimit', 'nofile=10', 'host', 'true'],
    /^hutch: invalid value "nofile=10" for --ulimit\n.*at least 64 open files/u,
  ],
  [['--clock-offset', '-99999999999', 'host', 'true'], /^hutch: invalid value "-99999999999" for --clock-offset\n/u],
  [['--security-opt', 'mask=/', 'host', 'true'], /^hutch: invalid value "mask=\/" for --security-opt\n.*below \//u],
  [['--security-opt', 'unmask=proc', 'host', 'true'], /^hutch: invalid value "unmask=proc" for --security-opt\n/u],
  [
    ['--cap-add', 'ALL', '--cap-drop', 'ALL', 'host', 'true'],
    /^hutch: invalid value "ALL" for --cap-drop\n.*not both/u,
  ],
  [['--env-file', '/dev/zero', 'host', 'true'], /^hutch: cannot read --env-file \/dev\/zero: it has more than/u],
  [['-w', `/${'x'.repeat(300)}`, 'host', 'true'], /^hutch: .*ENAMETOOLONG.*\n.*shorten it/u],
  [['-w', '/proc/self/fd/3', 'host', 'true'], /^hutch: .*ELOOP.*\n.*another directory with -w/u],
  [['--shm-size', '1x', 'host', 'true'], /^hutch: invalid value "1x" for --shm-size\n/u],
];

describe('hutch run refuses', { skip: hostSkip() }, () => {
  const box = makeSandbox();

  for (const [argv, message] of CASES) {
    it(`hutch run --rm ${argv.map((word) => (word === '' ? "''" : word)).join(' ')}`, async () => {
      assertRefused(await box.hutch(['run', '--rm', '--net', 'none', ...argv]), message);
      assert.deepEqual(containerTraces(box), []);
    });
  }

  it('a working directory that is a file, with the code of a command that cannot be executed', async () => {
    const outcome = await box.hutch(['run', '--rm', '--net', 'none', '-w', '/etc/passwd', 'host', 'true']);
    assertRefused(outcome, /^hutch: .*\/etc\/passwd/u, 126);
    assert.deepEqual(containerTraces(box), []);
  });

  it('a settings file that is damaged, or has what is no setting, and says which', async () => {
    const config = path.join(box.directory, 'home/.config/hutch');
    mkdirSync(config, { recursive: true });
    const cases: readonly (readonly [string, RegExp])[] = [
      ['{', /^hutch: .*config\.json is damaged: it is not JSON/u],
      ['[]', /^hutch: .*config\.json: it is not a JSON object\n.*storageDriver, cgroupDriver, network/u],
      ['{"colour":"red"}', /^hutch: .*config\.json: "colour" is not a setting\n/u],
      ['{"network":1}', /^hutch: .*config\.json: "network" is not a string\n/u],
      ['{"network":"bogus"}', /^hutch: invalid value "bogus" for "network" in \/.*config\.json\n/u],
      ['{"storageDriver":"zfs"}', /^hutch: invalid value "zfs" for "storageDriver" in \/.*config\.json\n/u],
    ];
    for (const [content, message] of cases) {
      box.file('home/.config/hutch/config.json', content);
      assertRefused(await box.hutch(['run', '--rm', 'host', 'true']), message);
    }
    box.file('home/.config/hutch/config.json', '{}');
    printed(await box.inHost('true'));
  });

  it('a place for its own files that is none, and makes nothing anywhere', async () => {
    const cwd = path.join(box.directory, 'empty');
    mkdirSync(cwd);
    const inStore = (place: string) => box.hutch(['run', '--rm', 'host', 'true'], { cwd, env: { HUTCH_DATA: place } });
    assertRefused(await inStore('data'), /^hutch: HUTCH_DATA is "data", which is no absolute path\n/u);
    assertRefused(await inStore(''), /^hutch: HUTCH_DATA is "", which is no absolute path\n/u);
    for (const place of ['/proc/hutch', '/proc/self/no/such', '/sys/hutch', '/dev/null/hutch', '/etc/hutch-data'])
      assertRefused(await inStore(place), new RegExp(`^hutch: cannot make ${place}: E[A-Z]+\n`, 'u'));
    assertRefused(
      await inStore('/etc'),
      /^hutch: \/etc is not a safe place for hutch: it belongs to uid 0\n.*HUTCH_DATA/u,
    );
    assert.deepEqual(readdirSync(cwd), []);
  });

  it('a store that it may not read, with every command', async () => {
    const closed = path.join(box.directory, 'closed');
    mkdirSync(closed, { mode: 0o700 });
    for (const name of ['images', 'containers', 'names']) mkdirSync(path.join(closed, name), { mode: 0o000 });
    const commands = [
      ['ps', '-a'],
      ['rm', 'x'],
      ['images'],
      ['rmi', 'x'],
      ['info'],
      ['system', 'df'],
      ['gc'],
      ['image', 'prune', '-f'],
      ['history', 'x'],
      ['image', 'inspect', 'x'],
      ['image', 'exists', 'x'],
      ['diff', 'x'],
      ['tag', 'a', 'b'],
      ['save', 'a', '-o', '/dev/null'],
      ['run', '--rm', 'host', 'true'],
    ];
    for (const argv of commands) {
      for (const place of [closed, '/etc/passwd']) {
        const outcome = await box.hutch(argv, { env: { HUTCH_DATA: place } });
        assertRefused(outcome, /^hutch: (?:cannot (?:read|write) \/\S+: E[A-Z]+|\/etc\/passwd is not a safe place)/u);
      }
    }
    for (const name of readdirSync(closed)) chmodSync(path.join(closed, name), 0o700);
    printed(await box.hutch(['ps', '-a', '-q'], { env: { HUTCH_DATA: closed } }));
  });

  it('a user without a home, unless the places are given otherwise', async () => {
    // The system knows nobody of that id; the home that HOME gives is empty.
    const nobody = ['unshare', '--user', '--map-user=54321'];
    const outcome = await box.hutch(['images'], { wrapper: nobody, env: { HOME: '', HUTCH_DATA: undefined } });
    assertRefused(outcome, /^hutch: you have no home directory: HOME is not set.*\n.*set HOME/u);
  });

  it('a tarball that is none or is cut off, and makes no image of it', async () => {
    const none = box.file('none.tar', 'this is not an archive\n'.repeat(100));
    assertRefused(await box.hutch(['image', 'import', none, 'x:1']), /^hutch: the archive is no tar archive\n/u);
    assertRefused(await box.hutch(['image', 'import', '/no/such.tar', 'x:1']), /^hutch: .*\/no\/such\.tar/u);
    assertRefused(await box.hutch(['run', '--rm', 'x:1', 'true']), /x:1/u);
    assert.deepEqual(containerTraces(box), []);
  });
});
