/** `hutch run`: what each flag about the command and its surroundings does, seen from within. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { busyboxSkip } from './busybox-archive.ts';
import {
  assertRefused,
  BUSYBOX,
  containerTraces,
  hostSkip,
  idsSkip,
  importBusybox,
  makeSandbox,
  printed,
} from './sandbox.ts';

const skip = hostSkip();
const skipIds = await idsSkip();
const skipImage = skipIds === false ? busyboxSkip() : skipIds;

describe('the environment of a command', { skip }, () => {
  const box = makeSandbox();
  const env = async (flags: readonly string[], own: NodeJS.ProcessEnv = {}): Promise<string[]> =>
    printed(await box.hutch(['run', '--rm', '--net', 'none', ...flags, 'host', 'env'], { env: own }))
      .trim()
      .split('\n')
      .sort();

  it('has nothing of the caller’s', async () => {
    const names = (await env([], { SECRET: 'of the caller', LD_PRELOAD: '' })).map((entry) => entry.split('=')[0]);
    assert.deepEqual(names, ['HOME', 'HOSTNAME', 'PATH', 'container']);
  });

  it('has what -e gives, and the caller’s own value for a bare name', async () => {
    const entries = await env(
      ['-e', 'A=1', '-e', 'B=two words=x', '-e', 'C=', '-e', 'OWN', '-e', 'ABSENT', '-e', 'PATH=/bin'],
      { OWN: 'mine' },
    );
    assert.deepEqual(
      entries.filter((entry) => !/^(?:HOME|HOSTNAME|container)=/u.test(entry)),
      ['A=1', 'B=two words=x', 'C=', 'OWN=mine', 'PATH=/bin'],
    );
  });

  it('has the lines of --env-file, which -e overrules', async () => {
    const file = box.file('env', '# comment\n\nA=file\r\n  B=kept # not a comment\nOWN\n');
    const entries = await env(['--env-file', file, '-e', 'A=flag'], { OWN: 'mine' });
    assert.deepEqual(
      entries.filter((entry) => /^(?:A|B|OWN)=/u.test(entry)),
      ['A=flag', 'B=kept # not a comment', 'OWN=mine'],
    );
  });

  it('of --env-file is for the command, and hutch itself does not read it, nor one that the command is given', async () => {
    const elsewhere = path.join(box.directory, 'elsewhere');
    const file = box.file('env', `HUTCH_DATA=${elsewhere}\nXDG_RUNTIME_DIR=${elsewhere}\nNODE_OPTIONS=--no-such\n`);
    assert.ok((await env(['--env-file', file])).includes(`HUTCH_DATA=${elsewhere}`));
    const run = ['run', '--rm', '--net', 'none', 'host', 'echo'];
    assert.equal(
      printed(await box.hutch([...run, '--env-file', '/no/such', `--env-file=${file}`])),
      `--env-file /no/such --env-file=${file}\n`,
    );
    assert.equal(existsSync(elsewhere), false);
  });

  it('never stands in a command line that others on the host can read', async () => {
    const { stdout } = await box.inHost(
      'cat /proc/[0-9]*/cmdline | tr "\\0" " "',
      '-e',
      'PASSWORD=hunter2-inside',
      '--pid',
      'host',
    );
    // The command line of hutch's shell and of its monitor is what the caller typed; no program that they start may repeat it.
    const shown = stdout.split('hunter2-inside').length - 1;
    const typed = readFileSync(`/proc/self/cmdline`, 'utf8').includes('hunter2-inside') ? 3 : 2;
    assert.equal(shown, typed);
  });
});

describe('the process of a command', { skip }, () => {
  const box = makeSandbox();

  it('starts in the directory of -w, which is made when it is missing', async () => {
    assert.equal(printed(await box.inHost('pwd')), '/\n');
    assert.equal(printed(await box.inHost('pwd', '-w', '/usr/lib')), '/usr/lib\n');
    assert.equal(printed(await box.inHost('pwd', '-w', '/var/tmp/new/deep')), '/var/tmp/new/deep\n');
    assertRefused(
      await box.hutch(['run', '--rm', '-w', 'relative', 'host', 'true']),
      /^hutch: invalid value "relative" for -w\n.*absolute/u,
    );
  });

  it('is the one of --entrypoint with the command as its arguments', async () => {
    const run = ['run', '--rm', '--net', 'none', '--entrypoint'];
    assert.equal(printed(await box.hutch([...run, 'echo', 'host', 'a', 'b'])), 'a b\n');
    assert.equal(printed(await box.hutch([...run, '', 'host', 'echo', 'c'])), 'c\n');
  });

  it('gets every argument as it is', async () => {
    const words = ['', ' ', '$HOME', '"', "'", '\\', '\n', '--rm', '-v', 'ä€𝄞', '*'];
    const output = printed(await box.hutch(['run', '--rm', '--net', 'none', 'host', 'printf', '<%s>', ...words]));
    assert.equal(output, words.map((word) => `<${word}>`).join(''));
  });

  it('has the umask of --umask, 0022 without', async () => {
    assert.equal(printed(await box.inHost('umask')), '0022\n');
    assert.equal(printed(await box.inHost('umask', '--umask', '0077')), '0077\n');
    assertRefused(
      await box.hutch(['run', '--rm', '--umask', '9', 'host', 'true']),
      /^hutch: invalid value "9" for --umask\n.*octal/u,
    );
  });

  it('has the limits of --ulimit, and the caller’s own number of open files', async () => {
    const flags = ['--ulimit', 'nofile=100:200', '--ulimit', 'core=0', '--ulimit', 'stack=1048576:unlimited'];
    const output = printed(await box.inHost('ulimit -Sn; ulimit -Hn; ulimit -c; ulimit -Ss', ...flags));
    assert.equal(output, '100\n200\n0\n1024\n');
    const own = await box.hutch(['run', '--rm', '--net', 'none', 'host', 'sh', '-c', 'ulimit -Sn'], {
      wrapper: ['sh', '-c', 'ulimit -Sn 777; exec "$@"', 'sh'],
    });
    assert.equal(printed(own), '777\n');
  });

  it('cannot have more than the caller, nor a limit that is none', async () => {
    const run = async (limit: string) => box.hutch(['run', '--rm', '--net', 'none', '--ulimit', limit, 'host', 'true']);
    assertRefused(
      await run('nofile=10:5'),
      /^hutch: invalid value "nofile=10:5" for --ulimit\n.*not above the hard one/u,
    );
    assertRefused(await run('files=10'), /^hutch: invalid value "files=10" for --ulimit\n.*nofile/u);
    assertRefused(await run('nofile=many'), /^hutch: invalid value "nofile=many" for --ulimit\n/u);
    const hard = Number(/^Max open files +\S+ +(\d+)/mu.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
    assertRefused(
      await run(`nofile=${hard + 1}`),
      /^hutch: step .* failed with EPERM .*from prlimit64.*RLIMIT_NOFILE[^]*fix: your own hard limit for NOFILE is lower/u,
    );
    assert.deepEqual(containerTraces(box), []);
  });

  it('is a child of an init that reaps orphans and keeps the exit code with --init', async () => {
    const script =
      '(sleep 0.1 & exit) ; sh -c "sleep 0.1 & "; sleep 0.5; ps -e -o stat= | grep -c Z; cat /proc/1/comm; exit 9';
    assert.equal(printed(await box.inHost(script, '--init'), 9), '0\ninit\n');
    const control = 'sh -c "sleep 0.1 & exec sleep 0.3" & sleep 0.2; ps -e -o stat= | grep -c Z; wait';
    assert.equal(printed(await box.inHost(control)), '1\n', 'control: a parent that does not wait leaves a zombie');
  });
});

describe('the user of a command', { skip: skipImage }, () => {
  const box = makeSandbox();
  before(() => importBusybox(box));
  const id = async (user: string, ...flags: readonly string[]): Promise<string> =>
    printed(await box.inBusybox('echo "$(id -u):$(id -g) $(id -G) $HOME"', '-u', user, ...flags));

  it('is found by name or number in the image, with its groups and home', async () => {
    assert.equal(await id('web'), '33:33 33 44 /srv/web\n');
    assert.equal(await id('33'), '33:33 33 44 /srv/web\n');
    assert.equal(await id('web:log'), '33:44 44 /srv/web\n');
    assert.equal(await id('web:0'), '33:0 0 /srv/web\n');
    assert.equal(await id('0'), '0:0 0 /root\n');
    assert.equal(await id('1234'), '1234:0 0 /\n');
    assert.equal(await id('1234:5678'), '1234:5678 5678 /\n');
    assert.equal(await id('web', '--group-add', '7', '--group-add', 'root'), '33:33 33 0 7 44 /srv/web\n');
  });

  it('finds the directories of the image host as it needs them, whatever the umask of who runs it', async () => {
    const script = 'touch /tmp/mine; stat -c "%a %n" / /home /root /run /tmp; cat /etc/hosts >/dev/null';
    const outcome = await box.hutch(['run', '--rm', '--net', 'none', '-u', '1000', 'host', 'sh', '-c', script], {
      wrapper: ['sh', '-c', 'umask 077; exec "$@"', 'sh'],
    });
    assert.equal(printed(outcome), '755 /\n755 /home\n700 /root\n755 /run\n1777 /tmp\n');
  });

  it('is refused when the image does not have it, or no container could', async () => {
    const run = async (user: string) => box.hutch(['run', '--rm', '--net', 'none', '-u', user, BUSYBOX, 'true']);
    assertRefused(await run('nosuch'), /^hutch: the image has no user "nosuch"\n.*\/etc\/passwd/u);
    assertRefused(await run('web:nosuch'), /^hutch: the image has no group "nosuch"\n.*\/etc\/group/u);
    assertRefused(await run('a:b:c'), /^hutch: invalid value "a:b:c" for -u\n/u);
    assertRefused(await run('-1'), /^hutch: invalid value "-1" for -u\n/u);
    assertRefused(await run('99999999999'), /^hutch: invalid value "99999999999" for -u\n/u);
    assertRefused(await run('70000'), /70000/u);
    assert.deepEqual(containerTraces(box), []);
  });
});

describe('the mounts of a container', { skip }, () => {
  const box = makeSandbox();
  const share = path.join(box.directory, 'share');
  before(() => {
    mkdirSync(share, { mode: 0o700 });
    box.file('share/file', 'from the host\n');
    symlinkSync('/etc', path.join(share, 'link'));
  });
  const refused = async (volume: string, message: RegExp): Promise<void> => {
    assertRefused(
      await box.hutch(['run', '--rm', '--net', 'none', '-v', volume, 'host', 'true'], { cwd: box.directory }),
      message,
    );
    assert.deepEqual(containerTraces(box), []);
  };

  it('show a directory of the host by -v, to be written', async () => {
    const output = printed(
      await box.inHost('cat /data/file; echo new >/data/new; stat -c %u /data/file', '-v', `${share}:/data`),
    );
    assert.equal(output, 'from the host\n0\n');
    assert.equal(readFileSync(path.join(share, 'new'), 'utf8'), 'new\n');
  });

  it('show it read-only by :ro, whatever the container does', async () => {
    const script = 'echo x >/data/x; mount -o remount,bind,rw /data; mount -o remount,rw /data; echo x >/data/x';
    const { stderr } = await box.inHost(script, '-v', `${share}:/data:ro`);
    assert.match(stderr, /Read-only file system[^]*Read-only file system/u);
    assert.equal(existsSync(path.join(share, 'x')), false);
  });

  it('show a single file, and a path relative to the working directory', async () => {
    assert.equal(printed(await box.inHost('cat /etc/one', '-v', `${share}/file:/etc/one:ro`)), 'from the host\n');
    const relative = await box.hutch(
      ['run', '--rm', '--net', 'none', '-v', './share:/data', 'host', 'cat', '/data/file'],
      { cwd: box.directory },
    );
    assert.equal(printed(relative), 'from the host\n');
  });

  it('lie on top of each other in the order of their depth', async () => {
    const flags = ['-v', `${share}/file:/srv/a/b`, '--tmpfs', '/srv/a', '-v', `${share}:/srv:ro`];
    mkdirSync(path.join(share, 'a'), { recursive: true });
    assert.equal(printed(await box.inHost('cat /srv/a/b; ls /srv', ...flags)), 'from the host\na\nfile\nlink\nnew\n');
  });

  it('are refused when the source is missing, hutch’s own, or the form is wrong', async () => {
    await refused(`${share}/none:/data`, /^hutch: -v .*\/share\/none does not exist on the host\n.*mkdir -p/u);
    await refused('name:/data', /^hutch: invalid value "name:\/data" for -v: "name" is not a path\n.*\.\/name/u);
    await refused(share, /^hutch: invalid value ".*" for -v\n.*SRC:DST/u);
    await refused(`${share}:relative`, /^hutch: invalid value "relative" for -v\n.*absolute/u);
    await refused(`${share}:/data:rx`, /^hutch: invalid value .* for -v\n.*"rx" is none/u);
    await refused(`${share}:/`, /^hutch: invalid value .* for -v\n.*below \//u);
    await refused(`${box.data}:/data`, /^hutch: -v .* would give the container hutch's own files/u);
    await refused(`${box.data}/containers:/data:ro`, /^hutch: -v .* would give the container hutch's own files/u);
    const twice = await box.hutch(['run', '--rm', '-v', `${share}:/a`, '--tmpfs', '/a', 'host', 'true']);
    assertRefused(twice, /^hutch: invalid value "\/a" for -v, --tmpfs or --mount\n.*one mount only/u);
  });

  it('are those of --tmpfs, with its options', async () => {
    const show = async (value: string): Promise<string> =>
      printed(
        await box.inHost('grep " /srv/t " /proc/mounts | cut -d " " -f 3,4; stat -c %a:%u /srv/t', '--tmpfs', value),
      );
    const plain = await show('/srv/t');
    assert.match(plain, /^tmpfs rw,nosuid,nodev,noexec,/u);
    assert.match(plain, /^1777:0$/mu);
    const full = await show('/srv/t:size=8m,mode=750,exec,nr_inodes=100');
    assert.match(full, /^tmpfs rw,nosuid,nodev,.*size=8192k,nr_inodes=100,mode=750/u);
    assert.doesNotMatch(full, /noexec/u);
    assert.match(await show('/srv/t:ro'), /^tmpfs ro,/u);
    assertRefused(
      await box.hutch(['run', '--rm', '--tmpfs', '/srv/t:big', 'host', 'true']),
      /^hutch: invalid value "\/srv\/t:big" for --tmpfs\n.*"big" is none/u,
    );
  });

  it('have a /dev/shm of --shm-size', async () => {
    assert.match(printed(await box.inHost('grep " /dev/shm " /proc/mounts')), /size=65536k/u);
    assert.match(printed(await box.inHost('grep " /dev/shm " /proc/mounts', '--shm-size', '8m')), /size=8192k/u);
    assertRefused(
      await box.hutch(['run', '--rm', '--shm-size', '0', 'host', 'true']),
      /^hutch: invalid value "0" for --shm-size\n.*64m/u,
    );
  });

  it('leave the root read-only with --read-only, but not what must be written', async () => {
    const script = 'touch /etc/x /x; echo ok >/dev/shm/x && echo ok >/tmp/x && echo done';
    const { stdout, stderr } = await box.inHost(script, '--read-only', '--tmpfs', '/tmp');
    assert.equal(stdout, 'done\n');
    assert.match(stderr, /'\/etc\/x': Read-only file system[^]*'\/x': Read-only file system/u);
  });
});

describe('the kernel settings of a container', { skip }, () => {
  const box = makeSandbox();

  it('are those of --sysctl where they belong to its namespaces', async () => {
    const flags = [
      '--sysctl',
      'net.ipv4.ip_forward=1',
      '--sysctl',
      'kernel/shmmni=100',
      '--sysctl',
      'fs.mqueue.msg_max=20',
    ];
    const script =
      'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni /proc/sys/fs/mqueue/msg_max /proc/sys/net/ipv4/ip_unprivileged_port_start';
    assert.equal(printed(await box.inHost(script, ...flags)), '1\n100\n20\n0\n');
  });

  it('are refused where they would change the host', async () => {
    const run = async (...flags: readonly string[]) =>
      box.hutch(['run', '--rm', '--net', 'none', ...flags, 'host', 'true']);
    for (const setting of [
      'vm.swappiness=1',
      'kernel.core_pattern=x',
      'net/../kernel/core_pattern=x',
      'net.ipv4',
      '=1',
    ]) {
      assertRefused(await run('--sysctl', setting), /^hutch: invalid value ".*" for --sysctl\n/u);
    }
    assertRefused(
      await run('--net=host', '--sysctl', 'net.ipv4.ip_forward=1'),
      /for --sysctl\n.*new network namespace/u,
    );
    assertRefused(await run('--ipc=host', '--sysctl', 'kernel.shmmni=100'), /for --sysctl\n.*new ipc namespace/u);
    assertRefused(await run('--sysctl', 'net.no.such=1'), /net\.no\.such/u);
    assert.deepEqual(containerTraces(box), []);
  });
});

describe('the names that a container knows', { skip }, () => {
  const box = makeSandbox();

  it('are its own, those of --add-host, and the servers of --dns', async () => {
    const flags = [
      '-h',
      'web',
      '--add-host',
      'db:192.0.2.7',
      '--add-host',
      'six:[2001:db8::1]',
      '--dns',
      '192.0.2.53',
      '--dns-search',
      'example.test',
    ];
    const output = printed(await box.inHost('getent hosts db six web localhost; cat /etc/resolv.conf', ...flags));
    assert.match(output, /^192\.0\.2\.7 +db$/mu);
    assert.match(output, /^2001:db8::1 +six$/mu);
    assert.match(output, /^127\.0\.1\.1 +web /mu);
    assert.match(output, /^search example\.test$/mu);
    assert.match(output, /^nameserver 192\.0\.2\.53$/mu);
  });

  it('are refused where they are none', async () => {
    const run = async (...flags: readonly string[]) =>
      box.hutch(['run', '--rm', '--net', 'none', ...flags, 'host', 'true']);
    assertRefused(await run('--add-host', 'db'), /^hutch: invalid value "db" for --add-host\n.*NAME:ADDRESS/u);
    assertRefused(await run('--add-host', 'db:host'), /^hutch: invalid value "db:host" for --add-host\n/u);
    assertRefused(await run('--add-host', 'a\nb:192.0.2.1'), /for --add-host\n/u);
    assertRefused(await run('--dns', 'name'), /^hutch: invalid value "name" for --dns\n.*IP address/u);
    assertRefused(await run('-h', 'no_name'), /^hutch: invalid value "no_name" for -h\n/u);
    assertRefused(await run('--dns-search', 'a\nnameserver 192.0.2.1'), /for --dns-search\n/u);
  });
});
