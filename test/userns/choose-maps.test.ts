/** Which ids a container gets: pure parts, and what this host's files say. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { chooseMaps, mapsOfRoot, withUserAsRoot } from '../../src/userns/choose-maps.ts';
import { namespacesFailed } from '../../src/userns/namespaces-failed.ts';
import { readSubordinateFile } from '../../src/userns/subordinate-ids.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'hutch-maps-'));
after(() => rmSync(scratch, { recursive: true }));

test('withUserAsRoot() lays ranges one after the other from 1 on, and ends at 65535', () => {
  assert.deepEqual(withUserAsRoot(1001, []), [{ containerId: 0, hostId: 1001, count: 1 }]);
  assert.deepEqual(
    withUserAsRoot(1001, [
      { start: 5000, count: 10 },
      { start: 9000, count: 100_000 },
    ]),
    [
      { containerId: 0, hostId: 1001, count: 1 },
      { containerId: 1, hostId: 5000, count: 10 },
      { containerId: 11, hostId: 9000, count: 65_525 },
    ],
  );
  const full = { start: 100_000, count: 65_536 };
  assert.deepEqual(withUserAsRoot(7, [full, full]).slice(1), [{ containerId: 1, hostId: 100_000, count: 65_535 }]);
});

test('chooseMaps() gives root a subordinate range for every id, and never host root', async () => {
  const { reducedBecause, userNamespace } = await chooseMaps(0, 0);
  assert.equal(reducedBecause, null);
  assert.equal(userNamespace.writer, 'parent');
  for (const map of [userNamespace.uidMap, userNamespace.gidMap]) {
    assert.equal(
      map.reduce((sum, { count }) => sum + count, 0),
      65_536,
    );
    assert.equal(map[0]?.containerId, 0);
    for (const { hostId } of map) assert.ok(hostId >= 65_536, `host id ${hostId}`);
  }
});

test('mapsOfRoot() stays within a user namespace that has not all ids, and leaves its root out', () => {
  const extent = (containerId: number, hostId: number, count: number) => ({ containerId, hostId, count });
  const own = [extent(0, 1000, 1), extent(1, 100_000, 65_535)];
  assert.deepEqual(mapsOfRoot(own, [extent(0, 100_000, 65_536)]), {
    userNamespace: { uidMap: [extent(0, 1, 65_535)], gidMap: [extent(0, 1, 65_535)], writer: 'parent' },
    reducedBecause: null,
  });
  const one = [extent(0, 1000, 1)];
  const { reducedBecause, userNamespace } = mapsOfRoot(one, one);
  assert.match(reducedBecause ?? '', /which has 1 ids/u);
  assert.deepEqual(userNamespace, { uidMap: [extent(0, 0, 1)], gidMap: [extent(0, 0, 1)], writer: 'self' });
});

test('readSubordinateFile() reads what is well formed and leaves out the rest', () => {
  const file = path.join(scratch, 'subuid');
  writeFileSync(
    file,
    '# alice:1:2\nalice:100000:65536\n\nbob:x:1\n1002:200000:10\ncarol:5\ndave:7:0\n:1:1\neve:300000:5  \nmallory:1:1:1\n',
  );
  assert.deepEqual(readSubordinateFile(file), [
    { owner: 'alice', start: 100_000, count: 65_536 },
    { owner: '1002', start: 200_000, count: 10 },
    { owner: 'eve', start: 300_000, count: 5 },
  ]);
  assert.deepEqual(readSubordinateFile(path.join(scratch, 'none')), []);
});

test('namespacesFailed() tells a limit from other failures', () => {
  assert.match(namespacesFailed('unshare: unshare failed: No space left on device').hint ?? '', /max_user_namespaces/u);
  assert.match(namespacesFailed('unshare: Operation not permitted').hint ?? '', /hutch doctor/u);
});
