/** The documents: every link between them leads somewhere, and no two names differ in case alone. */

import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { PROJECT } from './cruise.ts';

const DOCUMENTS = globSync(['*.md', 'docs/**/*.md', '.github/*.md'], { cwd: PROJECT }).sort();

/** Targets of links in `text` that are files, without their fragments. */
function linksOf(text: string): string[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/gu)]
    .map(([, target = '']) => target.replace(/#.*$/u, ''))
    .filter((target) => target !== '' && !/^[a-z]+:/u.test(target));
}

/** Links that lead nowhere, from a document at `file` with this text. */
function brokenLinks(file: string, text: string): string[] {
  return linksOf(text).filter((target) => !existsSync(path.join(PROJECT, path.dirname(file), target)));
}

function sameButForCase(names: readonly string[]): string[] {
  const lower = names.map((name) => name.toLowerCase());
  return names.filter((_, index) => lower.indexOf(lower[index] ?? '') !== index);
}

test('documents link to files that are there', () => {
  assert.ok(DOCUMENTS.includes('README.md') && DOCUMENTS.length > 15, DOCUMENTS.join(' '));
  const broken = DOCUMENTS.flatMap((file) =>
    brokenLinks(file, readFileSync(path.join(PROJECT, file), 'utf8')).map((target) => `${file}: ${target}`),
  );
  assert.deepEqual(broken, []);
});

test('files that the code names in comments are there', () => {
  const sources = globSync('{src,commands}/**/*.{ts,sh}', { cwd: PROJECT });
  const named = sources.flatMap((file) =>
    [...readFileSync(path.join(PROJECT, file), 'utf8').matchAll(/\bdocs\/[\w/-]+\.md\b/gu)].map(
      ([target]) => `${file}: ${target}`,
    ),
  );
  assert.ok(named.length > 3);
  assert.deepEqual(
    named.filter((entry) => !existsSync(path.join(PROJECT, entry.split(': ')[1] ?? ''))),
    [],
  );
});

test('no two documents have names that are one where case does not count', () => {
  assert.deepEqual(sameButForCase(DOCUMENTS), []);
});

test('brokenLinks() and sameButForCase() find faults', () => {
  assert.deepEqual(brokenLinks('docs/x.md', '[a](no-such.md#part) [b](plan.md) [c](https://x.test/) [d](#here)'), [
    'no-such.md',
  ]);
  assert.deepEqual(sameButForCase(['docs/A.md', 'docs/b.md', 'docs/a.md']), ['docs/a.md']);
});
