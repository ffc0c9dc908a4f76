/** Compares the error codes in the source with the headings of docs/errors.md. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ERROR_CODES } from '../../src/errors/hutch-error.ts';
import { PROJECT } from './cruise.ts';

interface Entry {
  readonly code: string;
  readonly text: string;
}

/** The sections of a document whose heading is a code, in order. */
function entriesOf(markdown: string): readonly Entry[] {
  const sections = markdown.split(/^## /mu).slice(1);
  return sections.flatMap((section) => {
    const [heading = '', ...rest] = section.split('\n');
    return /^[A-Z_]+$/u.test(heading) ? [{ code: heading, text: rest.join('\n').trim() }] : [];
  });
}

const entries = entriesOf(readFileSync(path.join(PROJECT, 'docs/errors.md'), 'utf8'));

test('ERROR_CODES and the headings of docs/errors.md are the same list in the same order', () => {
  assert.deepEqual(
    entries.map(({ code }) => code),
    [...ERROR_CODES],
  );
});

test('docs/errors.md says for each code what it means and what to do', () => {
  for (const { code, text } of entries) {
    assert.match(text, /\*\*Remedy:\*\* \S/u, `${code} has no remedy`);
    assert.ok(text.indexOf('**Remedy:**') > 40, `${code} has no meaning before its remedy`);
  }
});

test('ERROR_CODES is sorted and free of duplicates', () => {
  assert.deepEqual([...ERROR_CODES], [...new Set(ERROR_CODES)].sort());
});
