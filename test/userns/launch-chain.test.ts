/** launchChain(): which programs bring init into its namespaces, for every kind of map. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UserNamespace } from '../../src/linux/id-map.ts';
import { withUserAsRoot } from '../../src/userns/choose-maps.ts';
import { launchChain, type ChainRequest } from '../../src/userns/launch-chain.ts';

const RANGE = { start: 100_000, count: 65_536 };
const IDS = { uids: [RANGE], gids: [RANGE] };
const FULL: UserNamespace = {
  uidMap: withUserAsRoot(1001, [RANGE]),
  gidMap: withUserAsRoot(1001, [RANGE]),
  writer: 'newuidmap',
};
const ONE_MAP = [{ containerId: 0, hostId: 1001, count: 1 }];
const ONE: UserNamespace = { uidMap: ONE_MAP, gidMap: ONE_MAP, writer: 'self' };
const BY_ROOT: UserNamespace = {
  uidMap: [{ containerId: 0, hostId: 200_000, count: 65_536 }],
  gidMap: [{ containerId: 0, hostId: 200_000, count: 65_536 }],
  writer: 'parent',
};
const NO_OFFSET = { monotonicSeconds: 0, boottimeSeconds: 0 };

function chainOf(changes: Partial<ChainRequest> = {}, ids = IDS) {
  return launchChain(
    { userNamespaces: [FULL], pid: 'private', time: NO_OFFSET, argv: ['node', 'init'], protect: '/node', ...changes },
    ids,
  );
}

/** The chain's words from the first `unshare` to the first `--`. */
function outerFlags(argv: readonly string[]): readonly string[] {
  const first = argv.indexOf('unshare');
  return argv.slice(first + 1, argv.indexOf('--', first));
}

test('launchChain() dies with whoever starts it, and ends in the program', () => {
  const { argv } = chainOf();
  // Only when the map is written: the child that unshare(1) has for it would outlive a kill.
  const mapped = ['unshare', '--user', '--map-root-user', '--map-auto', '--'];
  assert.deepEqual(argv.slice(0, 8), [...mapped, 'setpriv', '--pdeathsig', 'KILL']);
  assert.deepEqual(chainOf({ userNamespaces: [ONE] }).argv.slice(0, 3), ['setpriv', '--pdeathsig', 'KILL']);
  assert.deepEqual(argv.slice(-2), ['node', 'init']);
});

test('launchChain() lets unshare write the map only when it writes the one that was chosen', () => {
  assert.equal(chainOf().mapping, 'inline');
  assert.deepEqual(outerFlags(chainOf().argv).slice(-2), ['--map-root-user', '--map-auto']);
  const odd = [
    { uids: [{ start: 100_000, count: 1000 }], gids: [RANGE] },
    { uids: [RANGE], gids: [{ start: 300_000, count: 65_536 }] },
    { uids: [], gids: [] },
  ];
  for (const ids of odd) {
    const { argv, mapping } = chainOf({}, ids);
    assert.equal(mapping, 'parent');
    assert.ok(outerFlags(argv).includes('--keep-caps'));
    assert.equal(argv.includes('--map-auto'), false);
  }
});

test('launchChain() maps the one id by itself where there is no other', () => {
  const { argv, mapping } = chainOf({ userNamespaces: [ONE] }, { uids: [], gids: [] });
  assert.equal(mapping, 'inline');
  assert.equal(outerFlags(argv).at(-1), '--map-root-user');
});

test('launchChain() changes to the mapped root when host root has written the map', () => {
  const { argv, mapping } = chainOf({ userNamespaces: [BY_ROOT] });
  assert.equal(mapping, 'parent');
  assert.deepEqual(argv.slice(-6), ['setpriv', '--reuid=0', '--regid=0', '--clear-groups', 'node', 'init']);
});

test('launchChain() makes two pid namespaces or none', () => {
  const count = (argv: readonly string[]): number => argv.filter((word) => word === '--pid').length;
  assert.equal(count(chainOf().argv), 2);
  assert.ok(chainOf().argv.includes('--kill-child=SIGKILL'));
  assert.equal(count(chainOf({ pid: 'host' }).argv), 0);
});

test('launchChain() sets clocks that run ahead, and makes no time namespace when it is shared', () => {
  const { argv } = chainOf({ time: { monotonicSeconds: 60, boottimeSeconds: -5 } });
  assert.match(argv.join(' '), /--time --monotonic 60 --boottime -5 /u);
  assert.equal(chainOf({ time: null }).argv.includes('--time'), false);
  assert.equal(chainOf().argv.includes('--monotonic'), false);
});

test('launchChain() puts a second user namespace below the first, mapped by its parent', () => {
  const identity = FULL.uidMap.map((extent) => ({ ...extent, hostId: extent.containerId }));
  const { argv } = chainOf({ userNamespaces: [FULL, { uidMap: identity, gidMap: identity, writer: 'parent' }] });
  assert.equal(argv.filter((word) => word === '--user').length, 2);
  assert.ok(argv.includes('0 0 1\n1 1 65535'));
});

test('launchChain() shows a directory elsewhere before privilege is given up', () => {
  const { argv } = chainOf({ userNamespaces: [BY_ROOT], expose: { from: '/secret/dist', at: '/run/p' } });
  const shown = argv.indexOf('/secret/dist');
  assert.equal(argv[shown + 1], '/run/p');
  assert.ok(shown < argv.indexOf('--user'));
});

test('launchChain() is words only: no shell sees a path as code', () => {
  const hostile = '/a b/$(touch x);"\'';
  const { argv } = chainOf({ argv: [hostile, 'init'], protect: hostile });
  assert.equal(argv.filter((word) => word === hostile).length, 2);
  assert.equal(argv.filter((word) => word.includes('touch')).length, 2);
});

test('launchChain() enters the namespaces of another container instead of making a user namespace', () => {
  const join = { user: '/proc/7/fd/20', network: '/proc/7/fd/21' };
  const { argv, mapping } = chainOf({ join });
  assert.equal(mapping, 'inline');
  assert.deepEqual(argv.slice(0, 8), [
    ...['setpriv', '--pdeathsig', 'KILL', 'nsenter', '--preserve-credentials'],
    ...['--user=/proc/7/fd/20', '--net=/proc/7/fd/21', '--'],
  ]);
  // The kernel forgets it when the process gets other credentials.
  assert.deepEqual(argv.slice(8, 11), ['setpriv', '--pdeathsig', 'KILL']);
  assert.deepEqual(outerFlags(argv), ['--mount', '--pid', '--fork', '--kill-child=SIGKILL']);
  assert.equal(argv.includes('--user'), false);
  assert.deepEqual(argv.slice(-2), ['node', 'init']);
  const byRoot = chainOf({ join, userNamespaces: [BY_ROOT] }).argv;
  assert.equal(byRoot.includes('--preserve-credentials'), false);
});
