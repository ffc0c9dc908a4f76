/** Flags that few use: annotations, time zones, files with pids, and containers that are replaced. */

import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { refusePidFile } from '../../../src/engine/container/cid-file.ts';
import { parseDomain, parseOomScore } from '../../../src/engine/container/parse-extras.ts';
import { parseAnnotations } from '../../../src/engine/container/parse-annotations.ts';
import { replaceContainer } from '../../../src/engine/container/replace-container.ts';
import { zoneMount } from '../../../src/engine/container/time-zone.ts';
import { writePidFile } from '../../../src/monitor/pid-file.ts';
import { refusal, requestOf, storeAt } from './requests.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'hutch-extras-'));
after(() => rmSync(scratch, { recursive: true }));

test('parseAnnotations() reads pairs, of which the last counts, and keeps hutch’s own keys to hutch', () => {
  assert.deepEqual(parseAnnotations(['a=1', 'b=x=y', 'a=']), { a: '', b: 'x=y' });
  for (const text of ['a', '=1', ''])
    assert.throws(() => parseAnnotations([text]), refusal('USAGE_INVALID', /annotation/u));
  assert.throws(() => parseAnnotations(['org.hutch.landlock=false']), refusal('USAGE_INVALID', /hutch's own/u));
});

test('parseOomScore() goes up, not down', () => {
  assert.deepEqual([parseOomScore('1000', 0), parseOomScore('0', 0), parseOomScore('-5', -10)], [1000, 0, -5]);
  assert.throws(() => parseOomScore('-1', 0), refusal('LIMIT_UNAVAILABLE', /-1 cannot be had by an ordinary user/u));
  assert.throws(() => parseOomScore('99', 100), refusal('LIMIT_UNAVAILABLE', /which is 100 here/u));
  for (const text of ['', 'high', '1001', '-1001', '1.5'])
    assert.throws(() => parseOomScore(text, -1000), refusal('USAGE_INVALID', /--oom-score-adj/u), text);
});

test('parseDomain() takes names, for a uts namespace of its own', () => {
  assert.equal(parseDomain('lab.example', {}), 'lab.example');
  for (const name of ['', 'a b', '-a', 'a\n', 'x'.repeat(65)])
    assert.throws(() => parseDomain(name, {}), refusal('USAGE_INVALID', /--domainname/u), name);
  assert.throws(() => parseDomain('a', { uts: 'host' }), refusal('USAGE_INVALID', /--domainname/u));
});

test(
  'zoneMount() takes names of zone files and nothing else',
  { skip: !existsSync('/usr/share/zoneinfo/Asia/Tokyo') },
  () => {
    const { source, destination, options } = zoneMount('Asia/Tokyo');
    assert.match(source, /^\/usr\/share\/zoneinfo\/\w+/u);
    assert.deepEqual([destination, options.includes('ro')], ['/etc/localtime', true]);
    for (const zone of ['', 'Mars/Base', '../../../etc/passwd', '/etc/localtime', 'Asia', 'tzdata.zi', 'zone.tab'])
      assert.throws(() => zoneMount(zone), refusal('USAGE_INVALID', /^unknown time zone/u), zone);
  },
);

test('writePidFile() replaces a file or a link as a whole, and says when it cannot', () => {
  const file = path.join(scratch, 'pid');
  const target = path.join(scratch, 'target');
  writeFileSync(target, 'mine');
  symlinkSync(target, file);
  writePidFile(file, 4711);
  assert.deepEqual([readFileSync(file, 'utf8'), readFileSync(target, 'utf8')], ['4711\n', 'mine']);
  assert.deepEqual(readdirSync(scratch).sort(), ['pid', 'target']);
  assert.throws(
    () => {
      writePidFile(path.join(scratch, 'no/pid'), 1);
    },
    refusal('USAGE_INVALID', /--pidfile .*ENOENT/u),
  );
});

test('refusePidFile() takes a file that is there, and refuses what can be none', () => {
  refusePidFile(undefined);
  refusePidFile(path.join(scratch, 'target'));
  for (const wrong of ['', scratch, path.join(scratch, 'no/pid')])
    assert.throws(
      () => {
        refusePidFile(wrong);
      },
      refusal('USAGE_INVALID', /^cannot write --pidfile/u),
      wrong,
    );
});

test('replaceContainer() needs a name, and looks at nothing where nobody has it', async () => {
  const store = storeAt(path.join(scratch, 'store'));
  mkdirSync(store.containers, { recursive: true });
  const rehearse = (): Promise<void> => assert.fail('rehearsed');
  await assert.rejects(replaceContainer(store, requestOf(), rehearse), refusal('USAGE_INVALID', /needs a --name/u));
  await replaceContainer(store, requestOf({ name: 'web' }), rehearse);
});
