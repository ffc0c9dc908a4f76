/** shellQuote() against real shells. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { HutchError } from '../../../src/errors/hutch-error.ts';
import { shellQuote, shellWords } from '../../../src/plan/render/shell-quote.ts';

const NASTY = [
  '',
  ' ',
  "'",
  "''",
  '"',
  '`id`',
  '$(id)',
  '$HOME',
  '\\',
  '\\\\',
  '\n',
  'a\nb\n',
  '\t',
  '*',
  '?',
  '[a]',
  '~',
  '~root',
  '#',
  '!',
  '!!',
  ';',
  '&',
  '|',
  '<',
  '>',
  '(',
  ')',
  '{a,b}',
  'a=b',
  '-n',
  '--',
  '-x=$(id)',
  '\u0001',
  '\u007f',
  '\r',
  'é',
  '日本',
  '👩‍🚀',
  '\u202e',
  "it's",
  `'"'"'`,
  "end'",
  '$',
  '%s',
  '%',
  '^',
  '=',
  'A=1',
  '-',
  '1>x',
  'if',
];

for (const shell of ['sh', 'bash']) {
  test(`shellQuote() gives ${shell} back every nasty string as it was`, () => {
    const script = `printf '%s\\0' ${shellWords(NASTY)}`;
    const output = execFileSync(shell, ['-c', script], { encoding: 'utf8' });
    assert.deepEqual(output.split('\0').slice(0, -1), NASTY);
  });
}

test('shellQuote() leaves plain words bare and quotes assignments', () => {
  assert.equal(shellQuote('/usr/bin/x-1.0'), '/usr/bin/x-1.0');
  assert.equal(shellQuote('--size=64k'), '--size=64k');
  assert.equal(shellQuote('A=1'), "'A=1'");
});

test('shellQuote() throws SPEC_INVALID when a value holds a NUL', () => {
  assert.throws(
    () => shellQuote('a\0b'),
    (error) => error instanceof HutchError && error.code === 'SPEC_INVALID',
  );
});
