/** The options that raise and lower fences: what each changes, and that an unknown one is refused, never ignored. */

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { assertRefused, containerTraces, makeSandbox } from '../e2e/sandbox.ts';
import { ATTACKER, attackerSkip, makeAttacker, type Attacker } from './attacker.ts';
import { landlockAbi } from './landlock.ts';

const RUN = ['run', '--rm', '--net', 'none'];

describe('--security-opt', { skip: attackerSkip() }, () => {
  const box = makeSandbox();
  let attacker: Attacker;
  before(async () => {
    attacker = await makeAttacker(box);
  });

  const profile = (name: string, rules: object): string => box.file(name, JSON.stringify(rules));

  it('seccomp=FILE is the filter of that file', async () => {
    const refusing = profile('refusing.json', {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['socket'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 }],
    });
    const results = await attacker.attack('calls', '--security-opt', `seccomp=${refusing}`);
    assert.equal(results['socket-inet'], 'ENOSPC');
    assert.equal(results['unshare-user'], 'OK');
  });

  it('seccomp=FILE is refused when the file is missing or says what hutch does not know', async () => {
    const files = {
      'no.json': /cannot read the seccomp profile/u,
      [profile('action.json', { defaultAction: 'SCMP_ACT_MAYBE', syscalls: [] })]: /SCMP_ACT_MAYBE/u,
      [profile('field.json', { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [], surprise: 1 })]: /surprise/u,
      [profile('operator.json', {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [
          { names: ['socket'], action: 'SCMP_ACT_ERRNO', args: [{ index: 0, value: 1, op: 'SCMP_CMP_SOME' }] },
        ],
      })]: /SCMP_CMP_SOME/u,
      [box.file('text.json', 'not JSON')]: /it is not JSON/u,
    };
    for (const [file, message] of Object.entries(files)) {
      assertRefused(await box.hutch([...RUN, '--security-opt', `seccomp=${file}`, ATTACKER, 'true']), message);
    }
  });

  it('is refused when it names a fence that hutch does not have', async () => {
    for (const option of [
      'apparmor=strict',
      'label=type:container_t',
      'no-new-privilegs',
      'seccomp=',
      'mask=relative',
      '',
    ]) {
      assertRefused(await box.hutch([...RUN, '--security-opt', option, ATTACKER, 'true']), /--security-opt/u);
    }
    assertRefused(await box.hutch([...RUN, '--cap-add', 'SYS_ADMINS', ATTACKER, 'true']), /SYS_ADMINS/u);
    assert.deepEqual(containerTraces(box), []);
  });

  const landlock = landlockAbi() === 0 ? 'this kernel has no Landlock' : false;

  it('seccomp=unconfined leaves Landlock up, which then refuses to mount', { skip: landlock }, async () => {
    const results = await attacker.attack('calls', '--security-opt', 'seccomp=unconfined');
    assert.equal(results['unshare-user'], 'OK');
    assert.equal(results['nested-mount'], 'EPERM');
  });

  it('seccomp=nesting, --cap-add SYS_ADMIN and --privileged let mount, so Landlock is down', async () => {
    const nesting = await attacker.attack('calls', '--security-opt', 'seccomp=nesting');
    assert.deepEqual([nesting['nested-mount'], nesting['mount'], nesting['bpf']], ['OK', 'EPERM', 'EPERM']);
    assert.equal((await attacker.attack('calls', '--cap-add', 'SYS_ADMIN'))['mount'], 'OK');
    assert.equal((await attacker.attack('calls', '--privileged'))['mount'], 'OK');
  });
});
