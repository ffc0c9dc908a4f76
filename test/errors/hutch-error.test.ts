/** Unit tests of the error class. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HutchError, isHutchError } from '../../src/errors/hutch-error.ts';

const COPY = ['../../src/errors/hutch-error.ts', 'copy'].join('?');

test('HutchError is known across copies of its module: an error is no bug because another bundle has made it', async () => {
  const copy = (await import(COPY)) as {
    readonly HutchError: typeof HutchError;
  };
  assert.notEqual(copy.HutchError, HutchError);
  const error: unknown = new copy.HutchError('it failed', { code: 'STEP_FAILED' });
  assert.ok(error instanceof HutchError);
  assert.ok(isHutchError(error, 'STEP_FAILED') && !isHutchError(error, 'NAME_IN_USE'));
});

test('HutchError is no other error', () => {
  assert.ok(!(new TypeError('a bug') instanceof HutchError));
  assert.ok(!isHutchError(Object.assign(new Error('cannot open'), { code: 'ENOENT' })));
  assert.ok(!isHutchError({ name: 'HutchError', code: 'STEP_FAILED' }));
});
