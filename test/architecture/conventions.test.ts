/** Conventions that no linter knows: the header of a file, the words of its name, and no barrels. */

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { PROJECT } from './cruise.ts';

const BANNED_WORD =
  /(^|-)(util|utils|helper|helpers|common|manager|misc|processor|data|info|handler|handlers|lib)(-|$)/u;
// A command is named after what the user types.
const NAMES_OF_COMMANDS = ['commands/info.ts'];

const sources = globSync('{src,commands}/**/*.ts', { cwd: PROJECT }).sort();

function headerFaults(text: string): readonly string[] {
  const [first = ''] = text.replace(/^#!.*\n/u, '').split('\n', 1);
  return /^\/\*\*( \S|$)/u.test(first) ? [] : ['does not begin with a /** … */ header'];
}

function nameFaults(file: string): readonly string[] {
  const { name, dir } = path.parse(file);
  const words = [...dir.split('/'), name];
  return [
    ...(words.every((word) => /^[a-z0-9]+(-[a-z0-9]+)*$/u.test(word)) ? [] : ['is not in kebab-case']),
    ...(words.some((word) => BANNED_WORD.test(word)) ? ['has a name that says nothing'] : []),
    ...(name === 'index' ? ['is a barrel'] : []),
  ];
}

test('sources are found', () => {
  assert.ok(sources.length > 20, `only ${sources.length} files`);
});

test('every source file begins with a header that says what it is', () => {
  const faults = sources.flatMap((file) =>
    headerFaults(readFileSync(path.join(PROJECT, file), 'utf8')).map((fault) => `${file} ${fault}`),
  );
  assert.deepEqual(faults, []);
});

test('every source file has a telling name in kebab-case', () => {
  const named = sources.filter((file) => !NAMES_OF_COMMANDS.includes(file));
  assert.deepEqual(
    named.flatMap((file) => nameFaults(file).map((fault) => `${file} ${fault}`)),
    [],
  );
});

test('headerFaults() and nameFaults() find faults', () => {
  assert.equal(headerFaults(`import fs from 'node:fs';\n`).length, 1);
  assert.deepEqual(headerFaults('/** What it is. */\n'), []);
  assert.deepEqual(nameFaults('src/host/mount-utils.ts'), ['has a name that says nothing']);
  assert.deepEqual(nameFaults('src/host/mountTable.ts'), ['is not in kebab-case']);
  assert.deepEqual(nameFaults('src/host/index.ts'), ['is a barrel']);
  assert.deepEqual(nameFaults('src/host/mount-table.ts'), []);
});
