/** Capabilities: names, numbers, masks, and the kernel's own header as a witness. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  CAPABILITY_NAMES,
  capabilityMask,
  capabilityName,
  capabilityNames,
  capabilityNumber,
  DEFAULT_CAPABILITIES,
} from '../../src/linux/capabilities.ts';

const HEADER = '/usr/include/linux/capability.h';
const skip = existsSync(HEADER) ? false : `${HEADER} is not installed (package linux-libc-dev)`;

test('CAPABILITY_NAMES has the names and numbers of the kernel header', { skip }, () => {
  const defined = [...readFileSync(HEADER, 'utf8').matchAll(/^#define (CAP_\w+)\s+(\d+)\s*$/gmu)];
  const names = new Map(defined.map(([, name = '', number]) => [name, Number(number)]));
  assert.deepEqual(new Map(CAPABILITY_NAMES.map((name, number) => [name, number])), names);
});

test('capabilityNumber() takes any case, with or without the prefix, and throws for what there is not', () => {
  assert.equal(capabilityNumber('CAP_CHOWN'), 0);
  assert.equal(capabilityNumber('sys_admin'), 21);
  assert.equal(capabilityNumber('checkpoint_restore'), 40);
  assert.throws(() => capabilityNumber('CAP_NOTHING'), RangeError);
  assert.equal(capabilityName('CAP_NOTHING'), undefined);
});

test('capabilityMask() and capabilityNames() are each other back', () => {
  assert.equal(capabilityMask(DEFAULT_CAPABILITIES), 0x800405fbn);
  assert.deepEqual(
    capabilityNames(0x800405fbn),
    [...DEFAULT_CAPABILITIES].sort((a, b) => capabilityNumber(a) - capabilityNumber(b)),
  );
  assert.equal(capabilityMask(CAPABILITY_NAMES), (1n << 41n) - 1n);
  assert.deepEqual(capabilityNames((1n << 64n) - 1n), [...CAPABILITY_NAMES]);
  assert.equal(capabilityMask([]), 0n);
});
