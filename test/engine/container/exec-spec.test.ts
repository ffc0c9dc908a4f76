/** execSpec(): the container's spec with another process in it, within the same fences. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ExecRequest } from '../../../src/engine/container/exec-request.ts';
import { execSpec } from '../../../src/engine/container/exec-spec.ts';
import { HUTCH_ANNOTATIONS, type RuntimeSpec } from '../../../src/oci/runtime-spec.ts';

const SPEC = JSON.parse(readFileSync(join(import.meta.dirname, '../../golden/image/spec.json'), 'utf8')) as RuntimeSpec;
const USER = JSON.parse(readFileSync(join(import.meta.dirname, '../../golden/user/spec.json'), 'utf8')) as RuntimeSpec;
const REQUEST: ExecRequest = {
  ...{ container: 'web', command: ['id'], interactive: false, terminal: false, detach: false },
  ...{ env: [], envFiles: [], privileged: false },
};
const FACTS = { user: undefined, hardLimits: [] };
const DAEMON = { uid: 1, gid: 1, additionalGids: [7], home: '/usr/sbin' };

test('execSpec() changes nothing but the command when nothing else is asked for', () => {
  const spec = execSpec(SPEC, REQUEST, FACTS);
  assert.deepEqual(spec, { ...SPEC, process: { ...SPEC.process, args: ['id'], terminal: false } });
});

test('execSpec() gives another user its home and no capabilities, and root those of the container', () => {
  const { process } = execSpec(SPEC, { ...REQUEST, user: 'daemon' }, { ...FACTS, user: DAEMON });
  assert.deepEqual([process.user.uid, process.user.gid, process.user.additionalGids], [1, 1, [7]]);
  assert.ok(process.env.includes('HOME=/usr/sbin') && !process.env.includes('HOME=/root'));
  assert.deepEqual([process.capabilities.effective, process.capabilities.ambient], [[], []]);
  assert.deepEqual(process.capabilities.bounding, SPEC.process.capabilities.bounding);
  const root = execSpec(USER, { ...REQUEST, user: '0' }, { ...FACTS, user: { ...DAEMON, uid: 0, gid: 0 } });
  assert.deepEqual(root.process.capabilities.effective, USER.process.capabilities.bounding);
});

test('execSpec() leaves out our fences with --privileged, and only then', () => {
  const spec = execSpec(SPEC, { ...REQUEST, privileged: true }, FACTS);
  assert.equal(spec.linux.seccomp, null);
  assert.equal(spec.annotations[HUTCH_ANNOTATIONS.landlock], 'false');
  assert.ok(spec.process.capabilities.effective.includes('CAP_SYS_ADMIN'));
  assert.deepEqual(spec.linux.maskedPaths, SPEC.linux.maskedPaths);
  assert.notEqual(execSpec(SPEC, REQUEST, FACTS).linux.seccomp, null);
});

test('execSpec() has no terminal for a detached command, and a TERM for one with a terminal', () => {
  assert.equal(execSpec(SPEC, { ...REQUEST, terminal: true, detach: true }, FACTS).process.terminal, false);
  const { process } = execSpec(SPEC, { ...REQUEST, terminal: true, env: ['TERM=vt100', 'A=b=c'] }, FACTS);
  assert.equal(process.terminal, true);
  assert.ok(process.env.includes('TERM=vt100') && process.env.includes('A=b=c'));
});

test('execSpec() stays within the caller’s own hard limits', () => {
  const limits = [{ type: 'RLIMIT_NOFILE', soft: 1000, hard: -1 }];
  const spec = { ...SPEC, process: { ...SPEC.process, rlimits: limits } };
  const hardLimits = Array.from({ length: 16 }, () => -1);
  assert.deepEqual(execSpec(spec, REQUEST, { ...FACTS, hardLimits }).process.rlimits, limits);
  hardLimits[7] = 512;
  assert.deepEqual(execSpec(spec, REQUEST, { ...FACTS, hardLimits }).process.rlimits, [
    { type: 'RLIMIT_NOFILE', soft: 512, hard: 512 },
  ]);
});

test('execSpec() refuses a working directory that is not absolute', () => {
  assert.throws(() => execSpec(SPEC, { ...REQUEST, workingDirectory: 'tmp' }, FACTS), /invalid value "tmp" for -w/u);
});
