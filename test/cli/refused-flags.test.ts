/** Flags that are refused: each has a reason, and some values that ask for nothing. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REFUSED_FLAGS, refuseFlags } from '../../src/cli/refused-flags.ts';
import { IMPOSSIBLE_FLAGS } from '../../src/engine/container/impossible-flags.ts';
import { refusal } from '../engine/container/requests.ts';

test('refuseFlags() has a reason for each flag, and names the value', async () => {
  assert.deepEqual(
    IMPOSSIBLE_FLAGS.toSorted(),
    Object.keys(REFUSED_FLAGS)
      .map((name) => `--${name}`)
      .sort(),
  );
  for (const [name, { type }] of Object.entries(REFUSED_FLAGS)) {
    const value = type === 'boolean' ? true : ['some=thing'];
    const shown = type === 'boolean' ? '' : ' some=thing';
    await assert.rejects(
      refuseFlags({ [name]: value }),
      refusal('USAGE_INVALID', new RegExp(`^--${name}${shown} cannot be had: `, 'u')),
    );
  }
});

test('refuseFlags() takes what asks for nothing, but not beside what does', async () => {
  await refuseFlags({
    userns: ['host', '', 'private'],
    rootfs: false,
    isolation: ['default'],
    'volume-driver': ['local'],
  });
  await refuseFlags({ name: 'web', volume: ['x'] });
  await assert.rejects(refuseFlags({ userns: ['host', 'keep-id'] }), refusal('USAGE_INVALID', /--userns keep-id/u));
  for (const value of ['auto', 'nomap', 'container:web'])
    await assert.rejects(refuseFlags({ userns: [value] }), refusal('USAGE_INVALID', /one map/u), value);
});
