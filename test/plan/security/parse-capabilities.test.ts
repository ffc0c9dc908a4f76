/** Capability names as users write them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHutchError } from '../../../src/errors/hutch-error.ts';
import { parseCapabilities, parseCapability } from '../../../src/plan/security/parse-capabilities.ts';

test('parseCapability() takes any case, with or without the prefix', () => {
  for (const text of ['CAP_SYS_ADMIN', 'cap_sys_admin', 'SYS_ADMIN', 'Sys_Admin']) {
    assert.equal(parseCapability(text), 'CAP_SYS_ADMIN');
  }
});

test('parseCapability() throws USAGE_INVALID naming what there is not', () => {
  for (const text of ['', 'ALL', 'CAP_', 'CAP_CAP_CHOWN', 'chown ', 'SYS-ADMIN']) {
    assert.throws(
      () => parseCapability(text),
      (error) => isHutchError(error, 'USAGE_INVALID') && error.message.includes(`"${text}"`),
    );
  }
});

test('parseCapabilities() returns each capability once in the order of the kernel', () => {
  assert.deepEqual(parseCapabilities(['kill', 'CAP_CHOWN', 'KILL', 'bpf']), ['CAP_CHOWN', 'CAP_KILL', 'CAP_BPF']);
});
