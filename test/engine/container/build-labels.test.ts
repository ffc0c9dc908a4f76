/** Where the labels of a container come from. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { buildLabels } from '../../../src/engine/container/build-labels.ts';
import { refusal } from './requests.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'hutch-labels-'));
after(() => rmSync(scratch, { recursive: true }));

test("buildLabels() takes the image's, then those of files, then those of flags", () => {
  const file = path.join(scratch, 'labels');
  writeFileSync(file, '# a comment\r\nfile=1\r\n  both=file\n\nequals=a=b');
  assert.deepEqual(buildLabels({ labels: ['both=flag', 'bare'], labelFiles: [file] }, { image: 'i', file: 'image' }), {
    image: 'i',
    file: '1',
    both: 'flag',
    equals: 'a=b',
    bare: '',
  });
});

test('buildLabels() refuses a label without a key, and a file that is not there', () => {
  assert.throws(() => buildLabels({ labels: ['=x'], labelFiles: [] }, {}), refusal('USAGE_INVALID', /for --label$/u));
  assert.throws(
    () => buildLabels({ labels: [], labelFiles: ['/no'] }, {}),
    refusal('USAGE_INVALID', /--label-file \/no/u),
  );
});
