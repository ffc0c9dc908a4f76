/** Unit tests of column layout. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderTable } from '../../../src/cli/format/table.ts';

describe('renderTable()', () => {
  it('aligns columns by their widest cell and leaves no space at line ends', () => {
    const text = renderTable([
      ['ID', 'NAMES', 'STATUS'],
      ['0123456789ab', 'a', 'Up 3 minutes'],
      ['1', 'longer-name', ''],
    ]);
    assert.deepEqual(text.split('\n'), [
      'ID             NAMES         STATUS',
      '0123456789ab   a             Up 3 minutes',
      '1              longer-name',
    ]);
  });

  it('counts code points and no escape sequences', () => {
    assert.equal(
      renderTable([
        ['é', 'x'],
        ['\u001b[31mab\u001b[0m', 'y'],
      ]),
      'é    x\n\u001b[31mab\u001b[0m   y',
    );
  });

  it('is empty when there are no rows', () => {
    assert.equal(renderTable([]), '');
  });
});
