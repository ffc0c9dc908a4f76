/** What goes with `--net container:NAME`, and whose files the container gets. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { findJoined, joinedEtcFiles } from '../../../src/engine/container/join-network.ts';
import type { RunRequest } from '../../../src/engine/container/run-request.ts';
import { containerDirectory } from '../../../src/state/container-id.ts';
import { idOf, recordOf, storeContainer, storeIn } from '../../helpers/stored-containers.ts';
import { refusal, requestOf } from './requests.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'hutch-join-'));
after(() => {
  rmSync(scratch, { recursive: true });
});
const store = storeIn(path.join(scratch, 'data'), path.join(scratch, 'run'));
const ID = idOf(1);
await storeContainer(store, recordOf(ID, { name: 'db' }));

test('findJoined() is about container:NAME alone', () => {
  assert.equal(findJoined(store, 'slirp4netns', requestOf()), undefined);
  assert.equal(findJoined(store, 'container:db', requestOf())?.id, ID);
  assert.equal(findJoined(store, `container:${ID.slice(0, 8)}`, requestOf())?.id, ID);
  assert.throws(() => findJoined(store, 'container:none', requestOf()), refusal('CONTAINER_UNKNOWN', /"none"/u));
});

test('findJoined() refuses what belongs to the network of the other one', () => {
  const flags: readonly (readonly [Partial<RunRequest>, string])[] = [
    [{ publish: ['80'] }, '-p'],
    [{ publishAll: true }, '-P'],
    [{ expose: ['80'] }, '--expose'],
    [{ dns: ['192.0.2.1'] }, '--dns'],
    [{ dnsSearch: ['example.org'] }, '--dns-search'],
    [{ addHosts: ['db:192.0.2.1'] }, '--add-host'],
    [{ hostname: 'web' }, '--hostname'],
    [{ networkRate: '8mbit' }, '--network-rate'],
  ];
  for (const [changes, flag] of flags)
    assert.throws(
      () => findJoined(store, 'container:db', requestOf(changes)),
      refusal('USAGE_INVALID', new RegExp(`^${flag} does not go with --net container:db: `, 'u')),
    );
});

test('joinedEtcFiles() shows the other’s hosts and resolv.conf, and keeps our host name', () => {
  const joined = findJoined(store, 'container:db', requestOf());
  assert.ok(joined !== undefined);
  const places = ['hosts', 'resolv.conf', 'hostname'];
  const own = {
    paths: Object.fromEntries(places.map((file) => [`/etc/${file}`, `/c/${file}`])),
    files: places.map((file) => ({ path: `/c/${file}`, content: '' })),
  };
  const { paths, files } = joinedEtcFiles(joined, own);
  assert.equal(paths['/etc/hosts'], path.join(containerDirectory(store, ID), 'hosts'));
  assert.equal(paths['/etc/hostname'], '/c/hostname');
  assert.deepEqual(files, [{ path: '/c/hostname', content: '' }]);
});
