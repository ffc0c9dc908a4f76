/** The judgements of the doctor: pure, no privileges. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canRun } from '../../../src/engine/system/doctor.ts';
import { lessenBySettings } from '../../../src/engine/system/settings-findings.ts';
import { explainDriver, judgeStorage } from '../../../src/engine/system/storage-findings.ts';
import { failed, fine, skipped, type Topic } from '../../../src/host/probe/finding.ts';

const needed: Topic = { id: 'n', title: 'n', needed: true };
const optional: Topic = { id: 'o', title: 'o', needed: false };
const diagnosis = { cause: 'c', fix: [] };

test('canRun() allows warnings, but nothing needed that failed or was not tried', () => {
  assert.equal(canRun([fine(needed, ''), failed(optional, '', diagnosis), skipped(optional, '')]), true);
  assert.equal(canRun([failed(needed, '', diagnosis)]), false);
  assert.equal(canRun([skipped(needed, '')]), false);
});

test('judgeStorage() prefers overlay, warns of vfs, fails without any', () => {
  const driver = (name: string, works: boolean) => {
    const topic = { id: `storage-${name}`, title: name, needed: false };
    return works ? fine(topic, '') : failed(topic, '', diagnosis);
  };
  assert.equal(judgeStorage([driver('overlay', true), driver('vfs', true)]).detail, 'overlay');
  assert.equal(judgeStorage([driver('overlay', false), driver('fuse-overlayfs', true)]).detail, 'fuse-overlayfs');
  assert.equal(judgeStorage([driver('overlay', false), driver('vfs', true)]).status, 'warn');
  assert.equal(judgeStorage([driver('overlay', false), driver('vfs', false)]).status, 'fail');
});

test('judgeStorage() fails when the driver of the settings does not work, though another does', () => {
  const driver = (name: string, works: boolean) => {
    const topic = { id: `storage-${name}`, title: name, needed: false };
    return works ? fine(topic, '') : failed(topic, '', diagnosis);
  };
  const drivers = [driver('overlay', true), driver('fuse-overlayfs', false), driver('vfs', true)];
  assert.equal(judgeStorage(drivers, 'fuse-overlayfs').status, 'fail');
  assert.equal(judgeStorage(drivers, 'overlay').detail, 'overlay');
  assert.match(judgeStorage(drivers, 'vfs').cause ?? '', /settings file asks for vfs/u);
});

test('lessenBySettings() does not ask for slirp4netns where the settings name another network', () => {
  const findings = ['slirp4netns', 'dev-net-tun', 'kernel'].map((id) =>
    failed({ id, title: id, needed: true }, '', diagnosis),
  );
  const statuses = (network?: 'none' | 'slirp4netns') =>
    lessenBySettings(findings, { network }).map(({ status }) => status);
  assert.deepEqual(statuses('none'), ['warn', 'warn', 'fail']);
  assert.deepEqual(statuses('slirp4netns'), ['fail', 'fail', 'fail']);
  assert.deepEqual(statuses(), ['fail', 'fail', 'fail']);
});

test('explainDriver() knows the step that failed', () => {
  assert.match(explainDriver('vfs', 'change an owner to 1:1 in the store: Operation not permitted').cause, /NFS/u);
  assert.match(explainDriver('overlay', 'run a program from it: Permission denied').cause, /noexec/u);
  assert.match(explainDriver('overlay', 'mount an overlay: wrong fs type').cause, /overlayfs/u);
  assert.equal(explainDriver('fuse-overlayfs', 'fuse-overlayfs is not installed').fix[0]?.who, 'admin');
});
