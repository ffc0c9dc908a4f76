/** Unit tests of error presentation and exit codes. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { exitCodeOf } from '../../src/errors/exit-codes.ts';
import { ReaderGone } from '../../src/cli/output.ts';
import { presentError, renderBug, renderError } from '../../src/cli/present-error.ts';
import { ERROR_CODES, HutchError } from '../../src/errors/hutch-error.ts';

describe('exitCodeOf()', () => {
  it('is 126 and 127 for the payload and 125 for everything else', () => {
    for (const code of ERROR_CODES) {
      const expected = { COMMAND_NOT_EXECUTABLE: 126, COMMAND_NOT_FOUND: 127 }[code as string] ?? 125;
      assert.equal(exitCodeOf(new HutchError('x', { code })), expected, code);
    }
    assert.equal(exitCodeOf(new TypeError('x')), 125);
    assert.equal(exitCodeOf('x'), 125);
  });
});

describe('renderError()', () => {
  it('prints the message and the remedy below it', () => {
    const error = new HutchError('no image "x"', { code: 'IMAGE_UNKNOWN', hint: 'Import it' });
    assert.equal(stripVTControlCharacters(renderError(error)), 'hutch: no image "x"\n  fix: Import it\n');
  });

  it('prints the message alone when there is no remedy', () => {
    assert.equal(stripVTControlCharacters(renderError(new HutchError('no', { code: 'SPEC_INVALID' }))), 'hutch: no\n');
  });
});

describe('renderBug()', () => {
  it('says that it is a bug and shows the stack', () => {
    const text = stripVTControlCharacters(renderBug(new TypeError('x is undefined')));
    assert.match(text, /^hutch: this is a bug in hutch.*\nTypeError: x is undefined\n {4}at /u);
  });

  it('shows what was thrown when it is no error', () => {
    assert.match(stripVTControlCharacters(renderBug('oops')), /\noops\n$/u);
  });
});

describe('presentError()', () => {
  it('is quiet and gives 0 when the reader of stdout has left', () => {
    assert.equal(presentError(new ReaderGone('gone')), 0);
  });
});
