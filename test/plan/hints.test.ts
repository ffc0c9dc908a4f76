/** hintForStep(): the remedy for a failed step. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hintForStep } from '../../src/plan/hints.ts';

test('hintForStep() names the remedy of the pair when it knows the pair', () => {
  assert.match(hintForStep('mount_overlay', 'EINVAL'), /--storage-driver fuse-overlayfs/u);
  assert.match(hintForStep('seccomp', 'EINVAL'), /seccomp=unconfined/u);
  assert.match(hintForStep('set_rlimit', 'EPERM', { detail: 'NOFILE' }), /hard limit for NOFILE .* --ulimit/u);
  assert.match(hintForStep('set_user', 'EINVAL', { detail: '70000:70000' }), /70000:70000 is not mapped/u);
  assert.match(hintForStep('make_directory', 'EROFS', { detail: '/mnt/a' }), /\/mnt\/a is missing .* --read-only/u);
});

test('hintForStep() puts the path into the sentence, or a word where there is none', () => {
  assert.match(hintForStep('bind', 'ENOENT', { detail: '/data' }), /^\/data does not exist on the host/u);
  assert.match(hintForStep('bind', 'ENOENT', { detail: '' }), /^it does not exist on the host/u);
});

test('hintForStep() blames no image for a directory that -w names', () => {
  assert.match(hintForStep('change_directory', 'ELOOP', { detail: '/proc/self/fd/3' }), /another directory with -w/u);
  assert.match(hintForStep('change_directory', 'ENAMETOOLONG'), /shorten it/u);
});

test('hintForStep() falls back to the errno, then to a general remedy', () => {
  assert.match(hintForStep('mask', 'ENOSPC'), /free space/u);
  assert.match(hintForStep('setsid', 'EPERM'), /hutch doctor/u);
});

test('hintForStep() prefers the pair to the errno alone', () => {
  assert.notEqual(hintForStep('unshare', 'ENOSPC'), hintForStep('mask', 'ENOSPC'));
});

test('hintForStep() finds nothing under names that every object has', () => {
  assert.equal(hintForStep('bind', 'constructor'), hintForStep('bind', 'EUNKNOWN'));
  assert.equal(hintForStep('bind', '__proto__'), hintForStep('bind', 'EUNKNOWN'));
});
