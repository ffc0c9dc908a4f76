/** Unit tests of command lookup and of the command table itself. */

import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { HutchCommand } from '../../src/cli/base-command.ts';
import { COMMANDS } from '../../src/cli/command-table.ts';
import { allCalls, findCommand } from '../../src/cli/find-command.ts';
import { HutchError } from '../../src/errors/hutch-error.ts';

describe('findCommand()', () => {
  it('gives the command and the words after it', () => {
    const found = findCommand(['version', '--format', 'json']);
    assert.equal(found.kind, 'command');
    assert.equal(found.name, 'version');
    assert.deepEqual(found.rest, ['--format', 'json']);
  });

  it('finds every command by its name and by each alias', () => {
    for (const [name, { aliases = [] }] of Object.entries(COMMANDS)) {
      for (const call of [name, ...aliases]) {
        const found = findCommand([...call.split(' '), '--x']);
        assert.equal(found.name, name, call);
        assert.deepEqual(found.rest, ['--x'], call);
      }
    }
  });

  it('gives a topic when only its word is there', () => {
    assert.deepEqual(findCommand(['image', '--help']), { kind: 'topic', name: 'image', rest: ['--help'] });
  });

  it('throws USAGE_INVALID with the nearest command when nothing fits', () => {
    assert.throws(
      () => findCommand(['versoin', 'x']),
      (error) => {
        assert.ok(error instanceof HutchError);
        assert.equal(error.code, 'USAGE_INVALID');
        assert.equal(error.message, 'there is no command "hutch versoin"');
        assert.equal(error.hint, 'Did you mean hutch version?');
        return true;
      },
    );
  });

  it('names the subcommand when only the topic is right, and is not fooled by names of Object', () => {
    assert.throws(() => findCommand(['image', 'frobnicate']), /there is no command "hutch image frobnicate"/u);
    assert.throws(() => findCommand(['constructor']), /there is no command "hutch constructor"/u);
  });
});

describe('COMMANDS', () => {
  it('has no call twice', () => {
    const calls = allCalls();
    assert.equal(new Set(calls).size, calls.length);
  });

  it('has one row for each file in commands/', async () => {
    const folder = join(import.meta.dirname, '../../commands');
    const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.ts'));
    const names = files.map((file) => file.slice(0, -'.ts'.length).replaceAll('/', ' '));
    assert.deepEqual(Object.keys(COMMANDS).sort(), names.sort());
  });

  it('loads a command class, with a summary of one line, in each row', async () => {
    for (const [name, { load, summary }] of Object.entries(COMMANDS)) {
      const { default: command } = await load();
      assert.ok(command.prototype instanceof HutchCommand, name);
      assert.match(summary, /^[A-Z][^\n]*[^.\n]$/u, name);
    }
  });
});
