/** What `hutch exec` brings into a container: no more rights than its first program has, and nothing of the host. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startContainer, type Running } from '../e2e/running.ts';
import { assertRefused, HUTCH, idsSkip, makeSandbox, outcomeOf, printed } from '../e2e/sandbox.ts';
import { ATTACKER, attackerSkip, makeAttacker, resultsOf, type Attacker } from './attacker.ts';
import { landlockAbi } from './landlock.ts';

const NODE = path.join(path.dirname(HUTCH), 'node');
const noIds = await idsSkip();
const noLandlock = landlockAbi() === 0 ? 'this kernel has no Landlock' : false;
/** Lines of /proc/PID/status that say what a process may do. Source: proc_pid_status(5). */
const FENCES =
  /^(?:Uid|Gid|Groups|Umask|NoNewPrivs|Seccomp|Seccomp_filters|SigBlk|SigIgn|CapInh|CapPrm|CapEff|CapBnd|CapAmb):.*$/gmu;

function fencesIn(status: string): readonly string[] {
  return [...status.matchAll(FENCES)].map(([line]) => line.replaceAll(/\s+/gu, ' ').trim());
}

/** Of an exec whose directory is refused so. */
const CODES: Readonly<Record<string, number>> = { ENOENT: 127, ENOTDIR: 126, ELOOP: 125 };

describe('a program that exec brings into a container', { skip: attackerSkip() }, () => {
  let container: Running;
  after(() => container.end());
  const box = makeSandbox();
  let attacker: Attacker;
  const shared = path.join(box.directory, 'shared');
  before(async () => {
    attacker = await makeAttacker(box);
    mkdirSync(shared);
    writeFileSync(path.join(box.directory, 'secret'), 'of the host');
    container = await startContainer(box, 'first', ['-v', `${shared}:/shared`, ATTACKER, 'sleep', '1000']);
  });

  const statuses = async (running: Running, ...flags: readonly string[]) => {
    const text = printed(await running.exec(flags, 'cat', '/proc/1/status', '/proc/self/status'));
    const [, first = '', second = ''] = text.split(/^Name:/mu);
    return { first: fencesIn(first), second: fencesIn(second) };
  };

  it('has the fences of the container’s first program, whatever those are', async () => {
    const cases = [
      [],
      ['--cap-drop', 'all'],
      ['--cap-add', 'SYS_PTRACE'],
      ['--security-opt', 'no-new-privileges', '--umask', '077'],
      ['--security-opt', 'seccomp=unconfined'],
      ...(noIds === false
        ? [
            ['-u', '1000:1001'],
            ['-u', '1000', '--cap-add', 'NET_BIND_SERVICE', '--group-add', '7'],
          ]
        : []),
      ['--privileged'],
    ];
    for (const [index, flags] of cases.entries()) {
      const running = await startContainer(box, `fenced-${String(index)}`, [...flags, ATTACKER, 'sleep', '1000']);
      const { first, second } = await statuses(running);
      await running.end();
      assert.ok(first.length >= 13, first.join());
      assert.deepEqual(second, first, flags.join(' '));
    }
  });

  it('has others with --privileged: the comparison can fail', async () => {
    const { first, second } = await statuses(container, '--privileged');
    assert.notDeepEqual(second, first);
    assert.ok(second.includes('Seccomp: 0') && first.includes('Seccomp: 2'));
  });

  it('has the limits of the container', async () => {
    const limited = await startContainer(box, 'limited', ['--ulimit', 'nofile=99:100', ATTACKER, 'sleep', '1000']);
    const limits = async (...flags: readonly string[]) =>
      printed(
        await limited.exec(flags, 'sh', '-c', 'grep "open files" /proc/self/limits; grep "open files" /proc/1/limits'),
      );
    const [own, first] = (await limits()).split('\n');
    await limited.end();
    assert.equal(own, first);
    assert.match(own ?? '', / 99 +100 /u);
  });

  it('asks the kernel in vain for what the first one asks for in vain', async () => {
    const calls = async (...flags: readonly string[]) =>
      resultsOf(printed(await container.exec(flags, 'probe', 'calls')));
    const [fenced, open, first] = [await calls(), await calls('--privileged'), await attacker.attack('calls')];
    assert.deepEqual(fenced, first);
    assert.notDeepEqual(open, first);
  });

  it('gets no descriptor of the host, however many the caller has', async () => {
    const wrapper = [attacker.probe, 'with-descriptors'];
    for (const flags of [[], ['-i'], ['--privileged']]) {
      assert.equal(
        printed(await box.hutch(['exec', ...flags, 'first', 'probe', 'descriptors'], { wrapper })),
        '0 1 2 \n',
        flags.join(' '),
      );
    }
    const { stdout } = spawnSync(attacker.probe, ['with-descriptors', attacker.probe, 'descriptors'], {
      encoding: 'utf8',
    });
    assert.ok(stdout.split(' ').length > 200, stdout);
  });

  it('opens nothing by a descriptor that gets in all the same (Landlock)', { skip: noLandlock }, async () => {
    const host = spawn(attacker.probe, ['give-directory', path.join(shared, 'socket'), box.directory]);
    try {
      await new Promise((resolve) => host.stdout.once('data', resolve));
      const take = async (...flags: readonly string[]) =>
        resultsOf(printed(await container.exec(flags, 'probe', 'take-directory', '/shared/socket', 'secret')));
      assert.deepEqual(await take(), { 'take-directory': 'OK', 'open-beneath': 'EACCES' });
      const control = await take('--privileged');
      assert.deepEqual(control, { 'take-directory': 'OK', 'open-beneath': 'OK', content: 'of the host' });
    } finally {
      host.kill('SIGKILL');
    }
  });

  // CVE-2024-21626: a working directory that is a descriptor of the host's.
  it('starts in no directory of the host', async () => {
    const wrapper = [attacker.probe, 'with-descriptors'];
    assert.equal(printed(await box.hutch(['exec', 'first', 'pwd'], { cwd: box.directory, wrapper })), '/\n');
    for (const number of [3, 4, 5, 7, 8, 9, 21, 22, 23, 24, 905]) {
      const outcome = await box.hutch(['exec', '-w', `/proc/self/fd/${String(number)}`, 'first', 'pwd'], { wrapper });
      // The kernel's answer depends on what the descriptor is.
      const [, errno = ''] = /failed with (\w+)/u.exec(outcome.stderr) ?? [];
      assert.ok(errno in CODES, outcome.stderr);
      assertRefused(outcome, /failed with /u, CODES[errno]);
    }
    assertRefused(await box.hutch(['exec', '-w', '/proc/1/cwd', 'first', 'pwd']), /failed with ELOOP/u);
    assertRefused(await box.hutch(['exec', '-w', '../../..', 'first', 'pwd']), /invalid value "\.\.\/\.\.\/\.\."/u);
    // What a tool that does not ask the kernel to refuse such links would get.
    assert.ok(statSync('/proc/self/cwd/.').isDirectory());
  });

  it('has no variable of the caller', async () => {
    const { stdout } = await box.hutch(['exec', 'first', 'env'], { env: { SECRET: '1', PASSWORD: '2' } });
    assert.doesNotMatch(stdout, /SECRET|PASSWORD|HUTCH|XDG/u);
  });

  it('is named in error when the container does not have it, though the host does', async () => {
    assert.ok(statSync('/usr/bin/sha256sum').isFile());
    assertRefused(await container.exec([], '/usr/bin/sha256sum'), /is not in the container/u, 127);
    assertRefused(await container.exec([], 'node'), /"node" is not in the container/u, 127);
  });

  it('reads no account file of the host through a link that the container made', async () => {
    const target = box.file('passwd', 'intruder:x:0:0::/:/bin/sh\n');
    printed(
      await container.exec(
        [],
        'sh',
        '-c',
        `cp /etc/passwd /tmp/passwd; rm /etc/passwd; busybox ln -s ${target} /etc/passwd`,
      ),
    );
    assertRefused(await container.exec(['-u', 'intruder'], 'true'), /no user "intruder"/u);
    // The same name through a path that does lead to it.
    assert.match(readFileSync(target, 'utf8'), /^intruder/u);
    printed(await container.exec([], 'sh', '-c', 'busybox rm -f /etc/passwd; cp /tmp/passwd /etc/passwd'));
  });

  it('does not wait for a pipe in the place of an account file', async () => {
    printed(await container.exec([], 'sh', '-c', 'busybox mv /etc/passwd /etc/old; busybox mkfifo /etc/passwd'));
    assertRefused(await container.exec(['-u', 'daemon'], 'true'), /no user "daemon"/u);
    printed(await container.exec([], 'sh', '-c', 'busybox mv /etc/old /etc/passwd'));
  });

  it('is kept from a terminal that is none', async () => {
    const faked = await startContainer(box, 'faked', [
      '--cap-add',
      'SYS_ADMIN',
      '--security-opt',
      'seccomp=unconfined',
      ATTACKER,
      'sleep',
      '1000',
    ]);
    const fake = 'busybox umount /dev/pts && busybox mkfifo /dev/pts/ptmx';
    printed(await faked.exec([], 'sh', '-c', fake));
    const refused = await faked.exec(['-t'], 'true');
    await faked.end();
    assertRefused(refused, /failed with ENODEV/u);
  });
});

// CVE-2019-5736, H1 and H2 in docs/security.md: a container that watches for whoever enters it, with the right to trace.
describe('the process that enters a container', { skip: attackerSkip() }, () => {
  const box = makeSandbox();
  const CLEAN = { written: '0', root: '0', descriptors: '0', environment: '0' };
  const print = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

  async function watched(enter: (container: Running) => Promise<unknown>, ...flags: readonly string[]) {
    const container = await startContainer(box, 'watcher', [...flags, ATTACKER, 'sleep', '1000']);
    const watcher = container.exec(flags.includes('--privileged') ? ['--privileged'] : [], 'probe', 'watch', '4');
    await enter(container);
    const results = resultsOf(printed(await watcher));
    await container.end();
    return results;
  }

  const execMany = async (container: Running): Promise<void> => {
    for (let round = 0; round < 5; round += 1) {
      const outcomes = await Promise.all(
        [1, 2, 3].map(() => box.hutch(['exec', 'watcher', 'true'], { env: { SECRET: 'of the caller' } })),
      );
      assert.deepEqual(
        outcomes.map(({ code, stderr }) => [code, stderr]),
        outcomes.map(() => [0, '']),
        container.name,
      );
    }
  };

  before(async () => {
    await makeAttacker(box);
  });

  it('shows nothing of the host to a tracer, and cannot be written', async () => {
    const before = print(NODE);
    for (const flags of [['--cap-add', 'SYS_PTRACE'], ['--privileged']]) {
      const { seen, refused, ...found } = await watched(execMany, ...flags);
      assert.deepEqual(found, CLEAN, `${flags.join(' ')}: seen ${String(seen)}, refused ${String(refused)}`);
      // Landlock keeps a tracer from seeing even that; where it is down, the child is seen for the moments before its execve(2).
      if (noLandlock === false && !flags.includes('--privileged')) assert.equal(seen, '0');
    }
    assert.equal(print(NODE), before);
  });

  it('would show the host’s root and its environment if it were Node in the pid namespace', async () => {
    const naive = async ({ pid }: Running): Promise<void> => {
      const argv = [
        '-t',
        String(pid),
        '--user',
        '--pid',
        '--preserve-credentials',
        NODE,
        '-e',
        'setTimeout(() => {}, 1500)',
      ];
      await outcomeOf(spawn('nsenter', argv, { stdio: 'pipe', env: { ...process.env, SECRET: 'of the caller' } }));
    };
    const { seen, written, root, environment } = await watched(naive, '--privileged');
    const counts = [seen, written, root, environment].map(Number);
    assert.ok(
      counts.every((count) => count > 0),
      counts.join(),
    );
  });
});
