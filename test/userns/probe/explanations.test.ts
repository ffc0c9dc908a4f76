/** How the probes of user namespaces tell causes apart: pure, no privileges. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainMapFailure, type MapFacts } from '../../../src/userns/probe/id-maps.ts';
import { explainProc } from '../../../src/userns/probe/namespaces.ts';
import { explainSlirp } from '../../../src/userns/probe/slirp4netns.ts';
import {
  findOverlaps,
  judgeGrants,
  readAccounts,
  suggestStart,
  type GrantFacts,
} from '../../../src/userns/probe/subordinate-grants.ts';
import { explainUserNamespace, type UserNamespaceFacts } from '../../../src/userns/probe/user-namespace.ts';

const REFUSED = 'newuidmap refused the map 0 1001 1: newuidmap: write to uid_map failed: Operation not permitted';

const sound: MapFacts = {
  tool: 'newuidmap',
  path: '/usr/bin/newuidmap',
  isSetuidRoot: true,
  fileCapabilities: '',
  mountOptions: ['rw'],
  mountTarget: '/usr',
  noNewPrivs: false,
  ownMap: [{ containerId: 0, hostId: 0, count: 0xffff_ffff }],
};

const causeOf = (facts: Partial<MapFacts>, said = REFUSED): string =>
  explainMapFailure(said, { ...sound, ...facts }).cause;

test('explainMapFailure() tells apart what newuidmap says in the same words', () => {
  assert.match(causeOf({ path: null }), /not installed/u);
  assert.match(causeOf({ noNewPrivs: true }), /NoNewPrivs/u);
  assert.match(causeOf({ mountOptions: ['rw', 'nosuid'] }), /\/usr, which is mounted nosuid/u);
  assert.match(causeOf({ isSetuidRoot: false }), /no setuid bit and no file capabilities/u);
  assert.match(causeOf({ isSetuidRoot: false, fileCapabilities: null }), /could not be looked up/u);
  assert.match(causeOf({ ownMap: [{ containerId: 0, hostId: 1001, count: 1 }] }), /already, which has 1 ids/u);
  assert.match(causeOf({}), /security module/u);
});

test('explainMapFailure() knows that a limit is reached before any map is written', () => {
  assert.match(causeOf({}, 'start: unshare: unshare failed: No space left on device'), /limit of .* pid namespaces/u);
});

test('explainMapFailure() accepts file capabilities in place of the setuid bit', () => {
  const fileCapabilities = '/usr/bin/newuidmap cap_setuid=ep';
  assert.match(causeOf({ isSetuidRoot: false, fileCapabilities }), /security module/u);
});

test('explainMapFailure() quotes the range that was not granted', () => {
  const said = 'newgidmap refused: newgidmap: gid range [1-65536) -> [300000-365535) not allowed';
  const { cause } = explainMapFailure(said, { ...sound, tool: 'newgidmap' });
  assert.match(cause, /\[300000-365535\) in \/etc\/subgid/u);
});

const free: UserNamespaceFacts = {
  isInKernel: true,
  maxUserNamespaces: 1000,
  unprivilegedClone: 1,
  apparmorRestriction: 0,
  isFiltered: false,
  node: '/opt/node',
};

test('explainUserNamespace() finds the setting that forbids it', () => {
  const because = (facts: Partial<UserNamespaceFacts>, said = 'unshare failed: Operation not permitted'): string =>
    explainUserNamespace(said, { ...free, ...facts }).cause;
  assert.match(because({ isInKernel: false }), /CONFIG_USER_NS/u);
  assert.match(because({ maxUserNamespaces: 0 }), /max_user_namespaces = 0/u);
  assert.match(because({}, 'unshare failed: No space left on device'), /limit/u);
  assert.match(because({ unprivilegedClone: 0 }), /unprivileged_userns_clone/u);
  assert.match(because({ apparmorRestriction: 1 }), /AppArmor/u);
  assert.match(because({ isFiltered: true }), /seccomp filter/u);
  assert.match(because({}), /chroot/u);
});

test('explainProc() blames covered parts of /proc only when there are any', () => {
  assert.match(explainProc('mount proc: denied', ['/proc/keys']).cause, /\/proc\/keys/u);
  assert.doesNotMatch(explainProc('mount proc: denied', []).cause, /covered/u);
});

test('explainSlirp() tells the device from the fences', () => {
  assert.match(explainSlirp('open("/dev/net/tun"): Permission denied').cause, /dev\/net\/tun/u);
  assert.match(explainSlirp("unrecognized option '--enable-seccomp'").cause, /fences/u);
});

const alice: GrantFacts = {
  user: 'alice',
  id: 1001,
  kind: 'uid',
  own: [{ start: 100_000, count: 65_536 }],
  all: [
    { owner: 'alice', start: 100_000, count: 65_536 },
    { owner: 'bob', start: 165_536, count: 65_536 },
  ],
  accounts: [{ name: 'alice', id: 1001 }],
};

test('findOverlaps() accepts neighbours and finds shared ids', () => {
  assert.deepEqual(findOverlaps(alice), []);
  const bob = { owner: 'bob', start: 165_535, count: 10 };
  assert.equal(findOverlaps({ ...alice, all: [...alice.all, bob] }).length, 1);
  assert.match(findOverlaps({ ...alice, accounts: [{ name: 'eve', id: 120_000 }] })[0] ?? '', /account eve/u);
});

test('findOverlaps() shows root the overlaps of others, and alice only her own', () => {
  const all = [
    { owner: 'bob', start: 200_000, count: 10 },
    { owner: 'eve', start: 205_000, count: 10 },
    { owner: 'mallory', start: 200_005, count: 10 },
  ];
  assert.deepEqual(findOverlaps({ ...alice, all }), []);
  assert.equal(findOverlaps({ ...alice, id: 0, user: 'root', all }).length, 2);
});

test('findOverlaps() takes name and number of a user for the same owner', () => {
  const all = [...alice.all, { owner: '1001', start: 100_000, count: 65_536 }];
  assert.deepEqual(findOverlaps({ ...alice, all }), []);
});

test('suggestStart() finds a range above all grants and accounts', () => {
  assert.equal(suggestStart([], []), 100_000);
  assert.equal(suggestStart(alice.all, []), 231_072);
  assert.equal(suggestStart(alice.all, [{ name: 'ldap', id: 240_000 }]), 296_608);
});

test('judgeGrants() asks for a range where there is none or a short one', () => {
  assert.equal(judgeGrants([alice]).status, 'ok');
  const none = judgeGrants([{ ...alice, own: [] }]);
  assert.equal(none.fix.find(({ who }) => who === 'admin')?.text, 'usermod --add-subuids 231072-296607 alice');
  assert.match(judgeGrants([{ ...alice, own: [{ start: 1e6, count: 100 }] }]).cause ?? '', /only 100 ids/u);
  assert.equal(judgeGrants([{ ...alice, id: 0, own: [] }]).status, 'ok');
});

test('readAccounts() reads passwd and group lines and skips others', () => {
  assert.deepEqual(readAccounts('', 'root:x:0:0::/root:/bin/sh\n+::::\nstaff:x:50:alice'), [
    { name: 'root', id: 0 },
    { name: 'staff', id: 50 },
  ]);
});
