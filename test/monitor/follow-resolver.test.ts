/** A container's resolv.conf goes along with the host's, unless somebody has changed it. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { refreshResolver, type FollowedResolver } from '../../src/monitor/follow-resolver.ts';
import type { Plan } from '../../src/plan/step.ts';

let directory = '';
let followed: FollowedResolver;
const place = (name: string): string => path.join(directory, name);
const content = (): string => readFileSync(place('resolv.conf'), 'utf8');
const onHost = (text: string): void => {
  writeFileSync(place('host'), text);
};

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'hutch-resolver-'));
  const written = 'search a.test\nnameserver 10.0.2.3\n';
  writeFileSync(place('resolv.conf'), written);
  onHost('search a.test\n');
  const prepare = { files: [{ path: place('resolv.conf'), content: written }] };
  followed = {
    directory,
    plan: { prepare } as unknown as Plan,
    settings: { servers: ['10.0.2.3'], search: null, options: null },
    source: place('host'),
  };
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

test('refreshResolver() leaves a file that is up to date', () => {
  assert.equal(refreshResolver(followed), false);
});

test('refreshResolver() takes over each change of the host, in the same file, which is bound', () => {
  const { ino } = statSync(place('resolv.conf'));
  onHost('search b.test\noptions ndots:3\n');
  assert.equal(refreshResolver(followed), true);
  assert.equal(content(), 'search b.test\noptions ndots:3\nnameserver 10.0.2.3\n');
  onHost('search c.test\n');
  assert.equal(refreshResolver(followed), true);
  assert.equal(content(), 'search c.test\nnameserver 10.0.2.3\n');
  assert.equal(statSync(place('resolv.conf')).ino, ino);
});

test('refreshResolver() leaves what the container or its owner has written', () => {
  for (const text of ['nameserver 192.0.2.1\n', 'search x.test\nnameserver 10.0.2.3\n']) {
    writeFileSync(place('resolv.conf'), text);
    onHost('search b.test\n');
    assert.equal(refreshResolver(followed), false);
    assert.equal(content(), text);
  }
});
