/** Steps that the kernel refuses, from the command line to the error: step, call, errno, reason, remedy, and nothing left behind. */

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { assertRefused, containerTraces, hostSkip, makeSandbox, printed } from '../e2e/sandbox.ts';

interface Failure {
  readonly title: string;
  readonly flags: readonly string[];
  readonly call: string;
  readonly errno: string;
  /** Part of the description of the step. */
  readonly step: string;
  readonly fix: RegExp;
  /** 125 where nothing is said. */
  readonly code?: number;
}

const CANNOT_EXECUTE = 126;

const FAILURES: readonly Failure[] = [
  {
    title: 'a limit above the hard limit',
    flags: ['--ulimit', 'nofile=1073741816'],
    call: 'prlimit64',
    errno: 'EPERM (operation not permitted)',
    step: 'setrlimit(RLIMIT_NOFILE, soft 1073741816, hard 1073741816)',
    fix: /your own hard limit for NOFILE is lower .* --ulimit/u,
  },
  {
    title: 'a setting that the kernel does not have',
    flags: ['--sysctl', 'net.nonexistent.x=1'],
    call: 'openat2',
    errno: 'ENOENT (no such file or directory)',
    step: 'write(/proc/sys/net/nonexistent/x, 1)',
    fix: /\/proc\/sys\/net\/nonexistent\/x does not exist in this kernel/u,
  },
  {
    title: 'a setting with a value that it does not take',
    flags: ['--sysctl', 'net.ipv4.ip_forward=many'],
    call: 'write',
    errno: 'EINVAL (invalid argument)',
    step: 'write(/proc/sys/net/ipv4/ip_forward, many)',
    fix: /\/proc\/sys\/net\/ipv4\/ip_forward does not take this value/u,
  },
  {
    title: 'a missing directory in a read-only root',
    flags: ['--read-only', '-w', '/not/there'],
    call: 'mkdirat',
    errno: 'EROFS (read-only file system)',
    step: 'openat2(root, /not/there), fchdir()',
    fix: /\/not\/there is missing and its file system is read-only/u,
  },
  {
    title: 'a working directory that is a file',
    flags: ['-w', '/etc/passwd'],
    call: 'fchdir',
    errno: 'ENOTDIR (not a directory)',
    step: 'openat2(root, /etc/passwd), fchdir()',
    fix: /a part of the path \/etc\/passwd is a file/u,
    code: CANNOT_EXECUTE,
  },
  {
    title: 'a volume below a file',
    flags: ['-v', './file:/etc/passwd/x'],
    call: 'openat2',
    errno: 'ENOTDIR (not a directory)',
    step: 'move_mount(/etc/passwd/x)',
    fix: /a part of the path \/etc\/passwd\/x is a file/u,
  },
  {
    title: 'a volume where /proc takes no file',
    flags: ['-v', './file:/proc/nothing'],
    call: 'openat2',
    errno: 'ENOENT (no such file or directory)',
    step: 'move_mount(/proc/nothing)',
    fix: /\/proc\/nothing is not there and its file system takes no new files/u,
  },
  {
    title: 'a terminal without /dev/pts',
    flags: ['-t', '-v', './empty:/dev/pts'],
    call: 'openat2',
    errno: 'ENOENT (no such file or directory)',
    step: 'open(/dev/pts/ptmx)',
    fix: /do not cover \/dev with a volume/u,
  },
];

const escaped = (text: string): string => text.replace(/[()/.]/gu, String.raw`\$&`);

describe('a step that fails', { skip: hostSkip() }, () => {
  const box = makeSandbox();
  before(() => {
    mkdirSync(join(box.directory, 'empty'));
    writeFileSync(join(box.directory, 'file'), '');
  });

  for (const { title, flags, call, errno, step, fix, code } of FAILURES) {
    it(`is named with its call, errno, reason and remedy: ${title}`, async () => {
      const outcome = await box.inHost('echo ran', ...flags);
      assert.match(
        outcome.stderr,
        new RegExp(String.raw`step \d+ of \d+ failed with ${escaped(errno)} from ${call}`, 'u'),
      );
      assert.ok(outcome.stderr.includes(step), outcome.stderr);
      assert.match(outcome.stderr, / It is there for this: .{10,} \[[a-z]+/u);
      assertRefused(outcome, fix, code);
      assert.deepEqual(containerTraces(box), []);
    });
  }

  it('gives the same error each time when it comes right after the pipes', async () => {
    for (let round = 0; round < 10; round += 1) {
      assertRefused(await box.inHost('true', '-w', '/etc/passwd'), /ENOTDIR/u, CANNOT_EXECUTE);
    }
  });

  it('does not come about when nothing is wrong (control)', async () => {
    assert.equal(printed(await box.inHost('echo ran', '--ulimit', 'nofile=64', '-w', '/etc')), 'ran\n');
  });
});

describe('hutch run --trace', { skip: hostSkip() }, () => {
  const box = makeSandbox();

  it('lists every step of the plan in order, with times up to the filter, and a legend for the long path', async () => {
    const { code, stdout, stderr } = await box.inHost('echo ran', '--trace');
    assert.deepEqual([code, stdout], [0, 'ran\n']);
    const lines = stderr.trimEnd().split('\n');
    assert.match(lines[0] ?? '', /^\$C stands for \/.*\/containers\/[0-9a-f]{64}, the directory of this container\.$/u);
    const steps = lines.slice(2).map((line) => /^ *(\d+) {2} *(?:(\d+\.\d\d) ms)? +(\S.*)$/u.exec(line));
    assert.deepEqual(
      steps.map((match) => Number(match?.[1])),
      steps.map((_, index) => index + 1),
    );
    const untimed = steps.findIndex((match) => match?.[2] === undefined);
    assert.match(steps[untimed]?.[3] ?? '', /^seccomp\(/u);
    assert.ok(steps.slice(untimed).every((match) => match?.[2] === undefined));
    assert.match(steps.at(-1)?.[3] ?? '', /^execve\(sh /u);
    assert.ok(!lines.slice(1).some((line) => line.includes('/containers/')), 'the long path stands in the legend only');
  });
});
