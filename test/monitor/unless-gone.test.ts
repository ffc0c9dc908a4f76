import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { unlessGone } from '../../src/monitor/unless-gone.ts';
import { SyscallError } from '../../src/syscall/syscall-error.ts';

const ended = spawnSync('true').pid;

function failWith(error: Error): () => void {
  return () => {
    throw error;
  };
}

describe('work on an init that may be gone', () => {
  it('says nothing when it could be done', () => {
    let done = false;
    assert.equal(
      unlessGone(process.pid, () => (done = true)),
      undefined,
    );
    assert.equal(done, true);
  });

  it('tells of a process on its way out, which answers EPERM, and of one that is gone', () => {
    const refused = new SyscallError('pidfd_getfd', 1);
    assert.match(unlessGone(process.pid, failWith(refused)) ?? '', /^init is gone \(.*pidfd_getfd.*EPERM/u);
    assert.match(unlessGone(ended, failWith(new Error('no such file'))) ?? '', /^init is gone \(no such file\)/u);
  });

  it('throws what fails for another reason', () => {
    assert.throws(() => unlessGone(process.pid, failWith(new TypeError('a bug'))), /a bug/u);
  });
});
