/** stepFailed(): what the user reads when a step fails. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stepFailed } from '../../src/monitor/step-failed.ts';
import type { Plan, Step, StepKind } from '../../src/plan/step.ts';
import { because, samplePlan, withSubordinates } from '../helpers/sample-plan.ts';

const PLAN = samplePlan({ source: '/r', at: '/r', userNamespaces: [withSubordinates(1001, 1001, 100_000, 65_535)] });

function placeOf(kind: StepKind): number {
  return PLAN.steps.findIndex((step) => step.kind === kind);
}

test('stepFailed() names step, call, errno in words, reason and remedy when a step fails', () => {
  const index = placeOf('set_rlimit');
  const error = stepFailed(PLAN, { index, syscall: 'prlimit64', errno: 'EPERM', detail: 'NOFILE' });
  assert.equal(
    error?.message,
    `step ${String(index + 1)} of ${String(PLAN.steps.length)} failed with EPERM (operation not permitted) from prlimit64: ` +
      'setrlimit(RLIMIT_NOFILE, soft 256, hard 512). It is there for this: a limit [process.rlimits[0]]',
  );
  assert.match(error.hint ?? '', /--ulimit/u);
  assert.equal(error.code, 'STEP_FAILED');
  assert.deepEqual(error.context, {
    step: index + 1,
    kind: 'set_rlimit',
    syscall: 'prlimit64',
    errno: 'EPERM',
    spec: 'process.rlimits[0]',
  });
});

test('stepFailed() names what the call was about when the step does not', () => {
  const failure = { index: placeOf('setsid'), syscall: 'open', errno: 'ENODEV', detail: '/dev/null of the host' };
  assert.match(stepFailed(PLAN, failure)?.message ?? '', / from open at \/dev\/null of the host: setsid\(\)/u);
});

test('stepFailed() is STORAGE_FULL when the disk is full', () => {
  assert.equal(stepFailed(PLAN, { index: 0, syscall: 'mkdirat', errno: 'ENOSPC', detail: '' })?.code, 'STORAGE_FULL');
});

test('stepFailed() tells a missing place in the container from a missing source on the host', () => {
  const bind: Step = {
    kind: 'bind',
    source: '/data',
    target: '/proc/x',
    recursive: false,
    attributes: [],
    create: 'file',
    why: because('a volume'),
  };
  const plan: Plan = { ...PLAN, steps: [bind] };
  const hintAt = (detail: string) =>
    stepFailed(plan, { index: 0, syscall: 'openat2', errno: 'ENOENT', detail })?.hint ?? '';
  assert.match(hintAt('/proc/x'), /^\/proc\/x is not there and its file system takes no new files/u);
  assert.match(hintAt('/data'), /^\/data does not exist on the host/u);
});

test('stepFailed() is about the command when the payload could not be executed', () => {
  const failed = (errno: string) => stepFailed(PLAN, { index: -1, syscall: 'execve', errno, detail: 'prog' });
  assert.deepEqual(
    ['ENOENT', 'ENOTDIR', 'EACCES', 'ENOEXEC'].map((errno) => failed(errno)?.code),
    ['COMMAND_NOT_FOUND', 'COMMAND_NOT_FOUND', 'COMMAND_NOT_EXECUTABLE', 'COMMAND_NOT_EXECUTABLE'],
  );
  assert.equal(failed('ENOENT')?.message, '"prog" is not in the container');
  assert.match(failed('ENOEXEC')?.hint ?? '', /another processor/u);
});

test('stepFailed() has the code of a command that cannot be executed when its directory is the reason', () => {
  const failed = (errno: string) =>
    stepFailed(PLAN, { index: placeOf('change_directory'), syscall: 'openat2', errno, detail: '/no' })?.code;
  assert.deepEqual(['ENOENT', 'ENOTDIR', 'EACCES', 'EXDEV', 'ENOSPC'].map(failed), [
    'COMMAND_NOT_FOUND',
    'COMMAND_NOT_EXECUTABLE',
    'COMMAND_NOT_EXECUTABLE',
    'STEP_FAILED',
    'STORAGE_FULL',
  ]);
});

test('stepFailed() gives nothing when the plan has no such step', () => {
  assert.equal(stepFailed(PLAN, { index: 999, syscall: 'x', errno: 'EPERM', detail: '' }), undefined);
});
