/** --security-opt. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { parseSecurityOptions } from '../../../src/engine/container/security-options.ts';
import { refusal } from './requests.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'hutch-security-'));
after(() => rmSync(scratch, { recursive: true }));

test('parseSecurityOptions() filters by default, and not when privileged unless a profile is named', () => {
  const plain = parseSecurityOptions([], false);
  assert.equal(plain.seccompName, 'default');
  assert.notEqual(plain.seccomp([]), null);
  assert.deepEqual([plain.noNewPrivileges, plain.mask, plain.unmask], [false, [], []]);
  assert.equal(parseSecurityOptions([], true).seccomp([]), null);
  assert.notEqual(parseSecurityOptions(['seccomp=default'], true).seccomp([]), null);
  assert.equal(parseSecurityOptions(['seccomp=unconfined'], false).seccomp([]), null);
});

test('parseSecurityOptions() reads every form of its words', () => {
  for (const word of ['no-new-privileges', 'no-new-privileges=true', 'no-new-privileges:true']) {
    assert.equal(parseSecurityOptions([word], false).noNewPrivileges, true, word);
  }
  assert.equal(parseSecurityOptions(['no-new-privileges', 'no-new-privileges=false'], false).noNewPrivileges, false);
  const { mask, unmask } = parseSecurityOptions(
    ['mask=/a/../b:/c/', 'mask=/d', 'unmask=ALL', 'unmask=/proc/*:/sys/x'],
    false,
  );
  assert.deepEqual(
    [mask, unmask],
    [
      ['/b', '/c', '/d'],
      ['ALL', '/proc/*', '/sys/x'],
    ],
  );
  parseSecurityOptions(['label=disable', 'label:disable', 'apparmor=unconfined'], false);
});

test('parseSecurityOptions() reads a profile from a file', () => {
  const file = path.join(scratch, 'profile.json');
  writeFileSync(
    file,
    JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW' }] }),
  );
  assert.equal(parseSecurityOptions([`seccomp=${file}`], false).seccomp([])?.defaultAction, 'SCMP_ACT_ERRNO');
});

test('parseSecurityOptions() refuses what it does not know, and says so of what it cannot do yet', () => {
  for (const word of [
    '',
    'seccomp',
    'seccomp=',
    'no-new-privileges=maybe',
    'mask',
    'mask=relative',
    'mask=/',
    'mask=/x/..',
    'mask=/proc/self',
    'mask=/a::/b',
    'unmask=',
    'unmask=relative',
    'unmask=all',
    'privileged',
    'proc-opts=hidepid=1',
  ]) {
    assert.throws(() => parseSecurityOptions([word], false), refusal('USAGE_INVALID', /for --security-opt/u), word);
  }
  assert.throws(() => parseSecurityOptions(['apparmor=x'], false), refusal('HOST_FEATURE_MISSING', /AppArmor/u));
  assert.throws(() => parseSecurityOptions(['label=type:x'], false), refusal('HOST_FEATURE_MISSING', /SELinux/u));
  assert.throws(
    () => parseSecurityOptions(['seccomp=/no/such'], false),
    refusal('USAGE_INVALID', /\/no\/such: ENOENT/u),
  );
  const text = path.join(scratch, 'text');
  writeFileSync(text, 'not json');
  assert.throws(() => parseSecurityOptions([`seccomp=${text}`], false), refusal('USAGE_INVALID', /it is not JSON/u));
  assert.throws(() => parseSecurityOptions(['seccomp=/dev/zero'], false), refusal('USAGE_INVALID', /it is too large/u));
});
