/** The payload's environment. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { buildEnvironment } from '../../../src/engine/container/build-environment.ts';
import type { RunRequest } from '../../../src/engine/container/run-request.ts';
import { refusal, requestOf } from './requests.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'hutch-env-'));
before(() => (process.env['HUTCH_TEST_OWN'] = 'mine'));
after(() => {
  delete process.env['HUTCH_TEST_OWN'];
  rmSync(scratch, { recursive: true });
});

function build(changes: Partial<RunRequest>, image: readonly string[] = []): string[] {
  return buildEnvironment(requestOf(changes), image, { hostname: 'web', home: '/root' });
}

const READ_PIPE = `import('../../../src/engine/container/read-small-file.ts').then(({ readSmallFile }) => process.stdout.write(readSmallFile(process.argv[1])))`;

const DEFAULTS = [
  'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  'container=hutch',
  'HOSTNAME=web',
  'HOME=/root',
];

test('buildEnvironment() has five words of its own and nothing of the caller’s', () => {
  assert.deepEqual(build({}), DEFAULTS);
  const [, term, ...rest] = build({ terminal: true });
  assert.match(term ?? '', /^TERM=./u);
  assert.deepEqual(rest, DEFAULTS.slice(1));
});

test('buildEnvironment() lets each source overrule the ones before: defaults, image, files, flags', () => {
  const file = path.join(scratch, 'layers');
  writeFileSync(file, 'B=file\nC=file\n');
  const entries = build({ envFiles: [file], env: ['C=flag'] }, ['A=image', 'B=image', 'C=image', 'HOME=/image']);
  assert.deepEqual(entries, [...DEFAULTS.slice(0, 3), 'HOME=/image', 'A=image', 'B=file', 'C=flag']);
});

test('buildEnvironment() passes the caller’s value on for a bare name, when there is one', () => {
  assert.deepEqual(build({ env: ['HUTCH_TEST_OWN', 'HUTCH_TEST_ABSENT'] }).slice(4), ['HUTCH_TEST_OWN=mine']);
});

test('buildEnvironment() keeps values as they are', () => {
  const values = ['A=', 'B==', 'C= x ', 'D="q"', 'E=a=b', 'F=ä\n𝄞'];
  assert.deepEqual(build({ env: values }).slice(4), values);
});

test('buildEnvironment() reads files line by line: comments, empty lines and line ends of Windows', () => {
  const file = path.join(scratch, 'lines');
  writeFileSync(file, '# comment\r\n\r\n  A=1\r\nB="kept"\n\tC=3 # kept\nHUTCH_TEST_OWN\n');
  assert.deepEqual(build({ envFiles: [file] }).slice(4), ['A=1', 'B="kept"', 'C=3 # kept', 'HUTCH_TEST_OWN=mine']);
});

test('buildEnvironment() refuses entries without a name or with a NUL, and files that cannot be read', () => {
  for (const entry of ['', '=x', 'A=\0'])
    assert.throws(() => build({ env: [entry] }), refusal('USAGE_INVALID', /for -e$/u));
  const file = path.join(scratch, 'bad');
  writeFileSync(file, '=x\n');
  assert.throws(() => build({ envFiles: [file] }), refusal('USAGE_INVALID', /for --env-file$/u));
  assert.throws(() => build({ envFiles: [`${scratch}/none`] }), refusal('USAGE_INVALID', /none: ENOENT$/u));
  assert.throws(
    () => build({ envFiles: ['/dev/zero'] }),
    refusal('USAGE_INVALID', /zero: it has more than \d+ bytes$/u),
  );
});

test('buildEnvironment() reads a pipe, as a shell gives it for <(…)', () => {
  const { stdout, stderr } = spawnSync('bash', ['-c', '"$0" -e "$1" <(echo A=piped)', process.execPath, READ_PIPE], {
    encoding: 'utf8',
    cwd: import.meta.dirname,
  });
  assert.equal(stdout, 'A=piped\n', stderr);
});
