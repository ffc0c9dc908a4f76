/** The doctor on this host as an ordinary user finds it, and in user namespaces of the test's own. */

import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { world } from '../../e2e/world.ts';
import { ordinaryUser } from '../../helpers/ordinary-user.ts';
import { examine, findingIn, type Circumstances } from './examine.ts';

const user = ordinaryUser();
const isRoot = process.getuid?.() === 0;
const skip = user === undefined ? 'no account with subordinate ids in /etc/subuid' : false;

let home = '';
before(() => {
  home = mkdtempSync(path.join(tmpdir(), 'hutch-doctor-'));
  if (isRoot && user !== undefined) chownSync(home, Number(user.uid), Number(user.gid));
  chmodSync(home, 0o711);
});
after(() => rmSync(home, { recursive: true, force: true }));

function inHome(circumstances: Circumstances = {}): Circumstances {
  const places = { HUTCH_DATA: path.join(home, 'data'), XDG_RUNTIME_DIR: home };
  return { ...circumstances, env: { ...places, ...circumstances.env } };
}

test('examineHost() finds a healthy host healthy and leaves only the probe cache behind', { skip }, async () => {
  const report = await examine(inHome());
  assert.deepEqual(
    report.findings.filter(({ status }) => status === 'fail').map(({ id, detail }) => `${id}: ${detail}`),
    [],
  );
  assert.equal(report.willRun, true);
  assert.deepEqual(readdirSync(home, { recursive: true }).toSorted(), ['hutch', 'hutch/probes.json']);
});

test('examineHost() blames NoNewPrivs when newuidmap cannot gain privileges', { skip }, async () => {
  const report = await examine(inHome({ through: ['setpriv', '--no-new-privs', '--'] }));
  assert.equal(report.willRun, false);
  assert.match(findingIn(report, 'id-maps').cause ?? '', /NoNewPrivs/u);
  assert.equal(findingIn(report, 'storage').status, 'skip');
});

test('examineHost() blames the limit when no more user namespaces are allowed', { skip }, async () => {
  const script = 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"';
  const through = ['unshare', '--user', '--map-root-user', 'sh', '-ec', script, 'limited'];
  const report = await examine(inHome({ through }));
  assert.equal(report.willRun, false);
  assert.equal(findingIn(report, 'namespace-limits').status, 'fail');
  assert.match(findingIn(report, 'user-namespace').cause ?? '', /max_user_namespaces = 0/u);
  assert.match(findingIn(report, 'user-namespace').fix[0]?.text ?? '', /sysctl/u);
});

/** Limits that stand in a world of the test's own, and the check that finds each. */
const LIMITED = [
  ['mnt', 'user-namespace', /limit of user or mount namespaces/u],
  ['pid', 'id-maps', /limit of user, mount or pid namespaces/u],
  ['net', 'net-namespace', /network namespaces are forbidden/u],
  ['uts', 'small-namespaces', /its number is limited/u],
  ['ipc', 'small-namespaces', /its number is limited/u],
  ['cgroup', 'small-namespaces', /its number is limited/u],
  ['time', 'time-namespace', /number of time namespaces is limited/u],
] as const;

for (const [kind, id, cause] of LIMITED) {
  test(`examineHost() finds the cause when no ${kind} namespaces are allowed`, { skip: isRoot || skip }, async () => {
    const through = world({ setup: `echo 0 >/proc/sys/user/max_${kind}_namespaces` });
    const report = await examine(inHome({ through }));
    assert.equal(report.willRun, false);
    assert.match(findingIn(report, id).cause ?? '', cause);
    assert.ok(findingIn(report, id).fix.length > 0, 'a remedy is named');
  });
}

test('control: examineHost() finds that such a world runs containers', { skip: isRoot || skip }, async () => {
  assert.equal((await examine(inHome({ through: world({ setup: '' }) }))).willRun, true);
});

test('examineHost() says so when it runs in a user namespace already', { skip }, async () => {
  const report = await examine(inHome({ through: ['unshare', '--user', '--map-root-user'] }));
  assert.match(findingIn(report, 'id-maps').cause ?? '', /in a user namespace already, which has 1 ids/u);
});

test('examineHost() fails when `run` would not take the settings file', { skip }, async () => {
  const config = path.join(home, 'config');
  mkdirSync(path.join(config, 'hutch'), { recursive: true, mode: 0o755 });
  const withSettings = async (text: string) => {
    writeFileSync(path.join(config, 'hutch/config.json'), text);
    return examine(inHome({ env: { XDG_CONFIG_HOME: config } }));
  };
  for (const text of ['{', '{"colour":"red"}', '{"storageDriver":"zfs"}', '{"network":"bogus"}']) {
    const report = await withSettings(text);
    assert.equal(report.willRun, false, text);
    assert.equal(findingIn(report, 'settings').fix[0]?.who, 'you');
  }
  const report = await withSettings('{"storageDriver":"vfs","network":"none"}');
  assert.equal(report.willRun, true);
  assert.deepEqual([findingIn(report, 'storage').detail, findingIn(report, 'slirp4netns').needed], ['vfs', false]);
  rmSync(config, { recursive: true });
});

test('examineHost() fails when the store cannot be made', { skip }, async () => {
  const report = await examine({ env: { HUTCH_DATA: '/proc/hutch', XDG_RUNTIME_DIR: home } });
  assert.equal(report.willRun, false);
  assert.match(findingIn(report, 'directories').cause ?? '', /\/proc\/hutch/u);
  assert.equal(findingIn(report, 'storage').status, 'fail');
});
