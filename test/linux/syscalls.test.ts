/** System call numbers: the committed table against the headers that it was made from, and lookups. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { ARCHITECTURES, isSyscallName, syscallNumber, syscallTable, X32_BIT } from '../../src/linux/syscalls.ts';

const GENERATOR = fileURLToPath(new URL('../../.config/generate-syscalls.mjs', import.meta.url));
const TABLE = new URL('../../src/linux/syscall-table.ts', import.meta.url);
const HEADERS_MISSING = 3;

test('syscall-table.ts is what the generator makes of the kernel headers', (context) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [GENERATOR, '--print'], { encoding: 'utf8' });
  if (status === HEADERS_MISSING) {
    context.skip(stderr.trim());
    return;
  }
  assert.equal(status, 0, stderr);
  assert.equal(readFileSync(TABLE, 'utf8'), stdout);
});

test('syscallTable() has ascending numbers and a name for each, no name twice', () => {
  for (const architecture of ARCHITECTURES) {
    const { numbers, names } = syscallTable(architecture);
    assert.equal(numbers.length, names.length);
    assert.ok(numbers.length > 300, architecture);
    assert.ok(
      numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? Infinity)),
      architecture,
    );
    assert.equal(new Set(names).size, names.length, architecture);
  }
});

test('syscallNumber() knows the numbers that differ between architectures and those that do not', () => {
  const of = (name: string): (number | undefined)[] =>
    ARCHITECTURES.map((architecture) => syscallNumber(architecture, name));
  assert.deepEqual(of('read'), [0, 3, X32_BIT, 63, 3]);
  assert.deepEqual(of('ioctl'), [16, 54, X32_BIT + 514, 29, 54]);
  assert.deepEqual(of('socket'), [41, 359, X32_BIT + 41, 198, 281]);
  assert.deepEqual(of('newfstatat'), [262, undefined, X32_BIT + 262, 79, undefined]);
  assert.deepEqual(of('clone3'), [435, 435, X32_BIT + 435, 435, 435]);
  assert.deepEqual(of('listns'), [470, 470, X32_BIT + 470, 470, 470]);
  assert.deepEqual(of('set_tls'), [undefined, undefined, undefined, undefined, 0x0f0005]);
});

test('isSyscallName() is true for a call of any architecture', () => {
  for (const name of ['read', 'chown32', 'set_tls', 'mseal']) assert.ok(isSyscallName(name), name);
  for (const name of ['frobnicate', '', '424', 'constructor']) assert.ok(!isSyscallName(name), name);
});
