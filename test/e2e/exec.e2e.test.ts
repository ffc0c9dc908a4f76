/** `hutch exec`: a program more in a container that runs: its streams, its end, its user, and whose end it shares. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openSyscalls } from '../../src/syscall/syscalls.ts';
import { descendants, eventually } from './processes.ts';
import { startContainer, type Running } from './running.ts';
import { assertRefused, hostSkip, HUTCH, idsSkip, makeSandbox, outcomeOf, printed } from './sandbox.ts';

const noIds = await idsSkip();
const PLAYER = path.join(import.meta.dirname, 'terminal.py');

describe('hutch exec', { skip: hostSkip() }, () => {
  let container: Running;
  // Before the sandbox looks for what was left behind.
  after(() => container.end());
  const box = makeSandbox();
  before(async () => {
    container = await startContainer(box, 'web', ['-e', 'GREETING=hello', '-w', '/tmp', 'host', 'sleep', '1000']);
  });

  const isThere = (pattern: RegExp): boolean => descendants().some(({ command }) => pattern.test(command));

  it('runs a command next to the container’s own, by name and by id', async () => {
    const script = 'echo $GREETING; pwd; cat /proc/1/comm; echo to stderr >&2; exit 7';
    const outcome = await container.exec([], 'sh', '-c', script);
    assert.deepEqual({ ...outcome }, { code: 7, signal: null, stdout: 'hello\n/tmp\nsleep\n', stderr: 'to stderr\n' });
    assert.equal(printed(await box.hutch(['container', 'exec', container.id.slice(0, 12), 'echo', '-n', 'x'])), 'x');
  });

  it('joins every namespace of the container', async () => {
    const names = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'];
    const own = printed(await container.exec([], 'readlink', ...names.map((name) => `/proc/self/ns/${name}`)));
    // With CAP_SYS_PTRACE and outside of Landlock, so that it may look.
    const first = printed(
      await container.exec(['--privileged'], 'readlink', ...names.map((name) => `/proc/1/ns/${name}`)),
    );
    assert.equal(own, first);
    const host = await outcomeOf(
      spawn(
        'readlink',
        names.map((name) => `/proc/self/ns/${name}`),
        { stdio: 'pipe' },
      ),
    );
    const shared = own.split('\n').filter((line) => line !== '' && host.stdout.includes(line));
    assert.deepEqual(shared, []);
  });

  it('ends with the exit codes of docker and podman', async () => {
    assertRefused(await container.exec([], 'no-such-command'), /"no-such-command" is not in the container/u, 127);
    assertRefused(await container.exec([], '/etc/passwd'), /cannot be executed in the container: EACCES/u, 126);
    assertRefused(
      await container.exec(['-w', '/no/such'], 'true'),
      /ENOENT.*\n.*no directory \/no\/such in the container/u,
      127,
    );
    assertRefused(await container.exec(['-w', '/etc/passwd'], 'true'), /ENOTDIR.*\n.*\/etc\/passwd is a file/u, 126);
    assert.equal((await container.exec([], 'sh', '-c', 'kill -KILL $$')).code, 137);
    assert.equal((await container.exec(['-d'], 'no-such-command')).code, 127);
  });

  it('refuses containers that do not run, and are not', async () => {
    assertRefused(await box.hutch(['exec', 'nobody', 'true']), /there is no container "nobody"/u);
    printed(await box.hutch(['run', '--net', 'none', '--name', 'over', 'host', 'true']));
    assertRefused(await box.hutch(['exec', 'over', 'true']), /"over" is not running, so it cannot be entered/u);
    printed(await box.hutch(['rm', 'over']).then((outcome) => ({ ...outcome, stdout: '' })));
  });

  it('has no pause, and says so', async () => {
    assertRefused(await box.hutch(['pause', 'web']), /"web" cannot be paused[^]*cgroup v2 subtree that is delegated/u);
    assertRefused(await box.hutch(['container', 'unpause', 'web']), /"web" is not paused/u);
  });

  it('enters each life of a container that lives on', async () => {
    printed({
      ...(await box.hutch(['run', '-d', '--net', 'none', '--name', 'lives', 'host', 'sleep', '1000'])),
      stdout: '',
    });
    assert.equal(printed(await box.hutch(['exec', 'lives', 'echo', 'one'])), 'one\n');
    printed({ ...(await box.hutch(['stop', '-t', '0', 'lives'])), stdout: '' });
    assertRefused(await box.hutch(['exec', 'lives', 'true']), /fix: start it first: hutch start lives/u);
    printed({ ...(await box.hutch(['start', 'lives'])), stdout: '' });
    assert.equal(printed(await box.hutch(['exec', 'lives', 'echo', 'two'])), 'two\n');
    printed({ ...(await box.hutch(['rm', '-f', 'lives'])), stdout: '' });
  });

  it('passes megabytes both ways, and nothing in without -i', async () => {
    const input = Buffer.alloc(5_000_000, 'megabytes');
    const digest = createHash('md5').update(input).digest('hex');
    const through = await box.hutch(
      ['exec', '-i', 'web', 'sh', '-c', 'cat | tee /dev/stderr | md5sum >/tmp/sum; cat /tmp/sum'],
      {
        input,
      },
    );
    assert.equal(through.stdout, `${digest}  -\n`);
    assert.equal(through.stderr.length, input.length);
    assert.equal((await box.hutch(['exec', 'web', 'cat'], { input: 'not this' })).stdout, '');
  });

  it('ends the input of a command while nobody reads what it writes', async () => {
    const script = 'yes >&2 & writer=$!; cat >/dev/null; touch /tmp/input-ended; kill $writer';
    const child = box.start(['exec', '-i', 'web', 'sh', '-c', script]);
    try {
      child.stdin.write('something');
      // Long enough for its stderr to be full all the way.
      await sleep(500);
      child.stdin.end();
      const hasEnded = async (): Promise<boolean> =>
        (await container.exec([], 'test', '-e', '/tmp/input-ended')).code === 0;
      for (let turn = 0; turn < 50 && !(await hasEnded()); turn += 1) await sleep(50);
      assert.ok(await hasEnded());
      child.stderr.resume();
      const [code] = (await once(child, 'exit')) as [number];
      assert.equal(code, 0);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('sets and passes on variables, and reads them from a file', async () => {
    const file = box.file('variables', '# comment\nFROM_FILE=1\n');
    const flags = ['-e', 'GREETING=changed', '--env-file', file, '-e', 'PASSED'];
    const { stdout } = await box.hutch(['exec', ...flags, 'web', 'sh', '-c', 'echo $GREETING $FROM_FILE $PASSED'], {
      env: { PASSED: 'on' },
    });
    assert.equal(stdout, 'changed 1 on\n');
  });

  it('takes another user, by name or number, with its groups and home', { skip: noIds }, async () => {
    const show = async (user: string): Promise<string> =>
      printed(await container.exec(['-u', user], 'sh', '-c', 'echo $(id -u) $(id -g) $HOME'));
    assert.equal(await show('daemon'), '1 1 /usr/sbin\n');
    assert.equal(await show('1234:5'), '1234 5 /\n');
    assertRefused(await container.exec(['-u', 'no-such-user'], 'true'), /the image has no user "no-such-user"/u);
    assertRefused(await container.exec(['-u', '70000000'], 'true'), /user id 70000000 does not exist/u);
  });

  it('returns when the command has ended, though a child of it holds its pipes', async () => {
    const { stdout, code } = await container.exec([], 'sh', '-c', 'sleep 987 & echo started');
    assert.deepEqual([stdout, code], ['started\n', 0]);
    printed(
      await container.exec(
        [],
        'sh',
        '-c',
        'for p in /proc/[0-9]*; do grep -qz ^987 $p/cmdline && kill ${p#/proc/}; done; true',
      ),
    );
  });

  it('leaves a detached command running, unseen', async () => {
    assert.equal(printed(await container.exec(['-d'], 'sh', '-c', 'echo not shown; exec sleep 654')), '');
    assert.ok(await eventually(() => (isThere(/^sleep 654/u) ? true : undefined)));
    assert.ok(!isThere(/^\S*node.*init\.cjs(?!.*hutch-holder)/u), 'no helper stays for it');
  });

  it('ends the command when it is killed itself, at whatever moment', async () => {
    for (const delayMs of [400, 150, 100, 60]) {
      const child = box.start(['exec', 'web', 'sleep', '321']);
      const ended = outcomeOf(child);
      await sleep(delayMs);
      child.kill('SIGKILL');
      await ended;
    }
    assert.ok(await eventually(() => (isThere(/sleep 321/u) ? undefined : true)));
  });

  it('passes signals on', async () => {
    const child = box.start([
      'exec',
      'web',
      'sh',
      '-c',
      'trap "echo got it; exit 4" TERM; echo ready; while :; do sleep 0.05; done',
    ]);
    const ended = outcomeOf(child);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.kill('SIGTERM');
    assert.deepEqual(
      { ...(await ended), stderr: '' },
      { code: 4, signal: null, stdout: 'ready\ngot it\n', stderr: '' },
    );
  });

  it('reports a command that is killed together with its helper', async () => {
    const child = box.start(['exec', 'web', 'sleep', '432']);
    const ended = outcomeOf(child);
    const helper = await eventually(() => descendants(child.pid).find(({ command }) => command.includes('init.cjs')));
    assert.ok(await eventually(() => (isThere(/^sleep 432/u) ? true : undefined)));
    const payload = descendants(helper?.pid).find(({ command }) => command === 'sleep 432');
    process.kill(helper?.pid ?? 0, 'SIGKILL');
    assert.equal((await ended).code, 137);
    // It is an orphan of this process now, which has to collect it.
    assert.ok(
      await eventually(() => (openSyscalls().waitpidNoHang(payload?.pid ?? 0) === undefined ? undefined : true)),
    );
  });

  it('gives a terminal of the container, with its size and its keys', async () => {
    const script = [
      ['expect', '33 99'],
      ['resize', 20, 60],
      ['type', 'stty size\r'],
      ['expect', '20 60'],
      // Not the words that were typed, which the terminal echoes.
      // Without exec a signal between the fork of sleep(1) and its start would be lost to both.
      ['type', 'sh -c "echo sta\'\'rt; exec sleep 999"\r'],
      ['expect', 'start'],
      ['type', '\u0003'],
      ['type', 'echo $?\r'],
      ['expect', '130'],
      ['type', 'exit 9\r'],
    ];
    const child = spawn('python3', [PLAYER], {
      cwd: box.directory,
      env: { ...box.env, TERM: 'xterm-256color' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const argv = [HUTCH, 'exec', '-it', 'web', 'sh', '-c', 'tty; stty size; ps -o pid,sid,tty,comm; exec sh'];
    const { stdout } = await outcomeOf(child, JSON.stringify({ size: [33, 99], argv, stdin: 'tty', script }));
    const played = JSON.parse(stdout) as { code: number; missing: string | null; restored: boolean; output: string };
    assert.deepEqual({ ...played, output: '' }, { code: 9, output: '', missing: null, restored: true }, played.output);
    // A session of its own, led by the command, and its terminal.
    assert.match(played.output, /^\/dev\/pts\/\d+\r\n[^]*?(\d+) +\1 pts\/\d+ +sh\r\n/u);
    assertRefused(await box.hutch(['exec', '-it', 'web', 'true']), /-t with -i needs a terminal/u);
  });

  it('leaves a command running on its terminal when the detach keys are typed', async () => {
    const detach = async (flags: readonly string[], keys: string, command: string): Promise<void> => {
      const child = spawn('python3', [PLAYER], { cwd: box.directory, env: box.env, stdio: ['pipe', 'pipe', 'pipe'] });
      const script = [
        ['expect', 'ready'],
        ['type', keys],
      ];
      const argv = [HUTCH, 'exec', ...flags, '-it', 'web', 'sh', '-c', command];
      const { stdout } = await outcomeOf(child, JSON.stringify({ size: [24, 80], argv, stdin: 'tty', script }));
      const played = JSON.parse(stdout) as { code: number; missing: string | null; restored: boolean; output: string };
      assert.deepEqual(
        { ...played, output: '' },
        { code: 0, output: '', missing: null, restored: true },
        played.output,
      );
    };
    // More than a terminal holds, so that it ends only when somebody reads it.
    const talk = 'echo ready; sleep 0.5; seq 100000; touch /tmp/talked; exec sleep 655';
    await detach([], '\u0010\u0011', talk);
    assert.ok(await eventually(() => (isThere(/^sleep 655/u) ? true : undefined)), 'it waits for a reader');
    assert.equal((await container.exec([], 'test', '-e', '/tmp/talked')).code, 0);
    await detach(['--detach-keys', 'a,ctrl-b'], 'a\u0002', 'echo ready; exec sleep 656');
    assert.ok(await eventually(() => (isThere(/^sleep 656/u) ? true : undefined)));
    for (const seen of descendants()) if (/^sleep 65[56]/u.test(seen.command)) process.kill(seen.pid, 'SIGTERM');
    const helper = /^\S*node.*init\.cjs(?!.*hutch-holder)/u;
    assert.ok(await eventually(() => (isThere(helper) ? undefined : true)), 'its helper ends with it');
    assertRefused(await container.exec(['--detach-keys', 'ctrl-ä'], 'true'), /for --detach-keys/u);
  });

  it('shows its plan without running it', async () => {
    const text = printed(await box.hutch(['plan', 'exec', 'web', 'touch', '/tmp/planned']));
    assert.match(text, /setns\(CLONE_NEWNS \| CLONE_NEWUTS/u);
    assert.match(text, /seccomp\(SECCOMP_SET_MODE_FILTER/u);
    const plan = JSON.parse(printed(await box.hutch(['plan', 'exec', '--format', 'json', 'web', 'true']))) as {
      join: { pid: number };
    };
    assert.equal(plan.join.pid, container.pid);
    assert.equal((await container.exec([], 'test', '-e', '/tmp/planned')).code, 1);
    assertRefused(
      await box.hutch(['plan', 'exec', '--format', 'bash', 'web', 'true']),
      /invalid value "bash" for --format/u,
    );
  });

  it('ends with the container', async () => {
    const other = await startContainer(box, 'short', ['host', 'sleep', '1000']);
    const child = box.start(['exec', 'short', 'sleep', '1000']);
    const ended = outcomeOf(child);
    await eventually(() =>
      descendants(child.pid).some(({ command }) => command.startsWith('sleep 1000')) ? true : undefined,
    );
    await other.end();
    assert.equal((await ended).code, 137);
    assertRefused(await box.hutch(['exec', 'short', 'true']), /there is no container "short"/u);
  });
});

describe('hutch exec into containers that share namespaces with the host', { skip: hostSkip() }, () => {
  const box = makeSandbox();

  it('joins those that are the container’s own', async () => {
    const shared = ['--pid', 'host', '--uts', 'host', '--ipc', 'host', '--cgroupns', 'host'];
    const container = await startContainer(box, 'open', [...shared, 'host', 'sleep', '1000']);
    assert.equal(printed(await container.exec([], 'sh', '-c', 'echo in; exit 0')), 'in\n');
    await container.end();
  });

  it('ends a detached command with the container also where no pid namespace does', async () => {
    const seen = (command: string): true | undefined =>
      descendants().some((one) => one.command === command) ? true : undefined;
    const container = await startContainer(box, 'shared', ['--pid', 'host', 'host', 'sleep', '1000']);
    for (const seconds of ['657', '0.1']) assert.equal(printed(await container.exec(['-d'], 'sleep', seconds)), '');
    assert.equal((await container.exec(['-d'], 'no-such-command')).code, 127);
    assert.ok(await eventually(() => seen('sleep 657')), 'it runs without the command that started it');
    const helpers = (): number =>
      descendants().filter(({ command }) => /^\S*node.*init\.cjs(?!.*hutch-holder)/u.test(command)).length;
    assert.ok(await eventually(() => (helpers() === 1 ? true : undefined)), 'a helper goes with its command');
    await container.end();
    assert.ok(await eventually(() => (seen('sleep 657') ? undefined : true)), 'it ends with the container');
    assert.ok(await eventually(() => (helpers() === 0 ? true : undefined)), 'and so does its helper');
  });

  it('works with two user namespaces', { skip: noIds }, async () => {
    const nested = makeNested();
    const container = await startContainer(nested, 'deep', ['host', 'sleep', '1000']);
    assert.equal(printed(await container.exec([], 'id', '-u')), '0\n');
    await container.end();
  });

  function makeNested(): typeof box {
    const env = { HUTCH_NESTED: '1' };
    return { ...box, start: (argv, options = {}) => box.start(argv, { ...options, env: { ...options.env, ...env } }) };
  }
});
