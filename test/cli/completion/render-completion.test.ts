/** Unit tests of the completion scripts: bash runs its script for real, zsh and fish where they are installed. */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { renderBash } from '../../../src/cli/completion/bash.ts';
import { renderFish } from '../../../src/cli/completion/fish.ts';
import { renderCompletion } from '../../../src/cli/completion/render-completion.ts';
import { collectWords, type CompletionWords } from '../../../src/cli/completion/words.ts';
import { renderZsh } from '../../../src/cli/completion/zsh.ts';
import { COMMANDS } from '../../../src/cli/command-table.ts';

const HELP = { spellings: ['--help'], description: "show this command's help", takesValue: false, choices: [] };

const WORDS: CompletionWords = {
  commands: [
    {
      call: 'run',
      summary: 'Run it',
      subject: 'image',
      choices: [],
      flags: [
        { spellings: ['-e', '--env'], description: 'set a variable: [A=B]', takesValue: true, choices: [] },
        { spellings: ['--net'], description: 'network', takesValue: true, choices: ['none', 'host'] },
        HELP,
      ],
    },
    { call: 'image ls', summary: 'List', subject: 'nothing', choices: [], flags: [HELP] },
    { call: 'completion', summary: 'Shells', subject: 'file', choices: ['bash', 'zsh'], flags: [HELP] },
  ],
  topics: { image: 'Images' },
  listings: { image: 'printf "%s\\n" host debian:12' },
};

/** What bash offers for `typed`, whose last word is being completed. */
function offered(...typed: readonly string[]): readonly string[] {
  const ask = 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _hutch; printf "%s\\n" "${COMPREPLY[@]}"';
  const output = execFileSync('bash', ['--norc', '-c', `${renderBash(WORDS)}\n${ask}`, 'bash', ...typed], {
    encoding: 'utf8',
  });
  return output.split('\n').filter((word) => word !== '');
}

describe('renderBash()', () => {
  it('offers commands and topics for the first word', () => {
    assert.deepEqual(offered('hutch', ''), ['run', 'image', 'completion', 'help']);
    assert.deepEqual(offered('hutch', 'com'), ['completion']);
  });

  it('offers what lies below a topic', () => {
    assert.deepEqual(offered('hutch', 'image', ''), ['ls']);
  });

  it('offers the flags of the command that was typed', () => {
    assert.deepEqual(offered('hutch', 'run', '-'), ['-e', '--env', '--net', '--help']);
    assert.deepEqual(offered('hutch', 'image', 'ls', '--'), ['--help']);
  });

  it('offers the choices of a flag, and of an argument', () => {
    assert.deepEqual(offered('hutch', 'run', '--net', 'h'), ['host']);
    assert.deepEqual(offered('hutch', 'completion', ''), ['bash', 'zsh']);
  });

  it('offers what the listing command prints', () => {
    assert.deepEqual(offered('hutch', 'run', '--help', 'h'), ['host']);
  });

  it('offers nothing where no argument belongs', () => {
    assert.deepEqual(offered('hutch', 'image', 'ls', ''), []);
  });
});

describe('renderCompletion()', () => {
  for (const [shell, script] of [
    ['bash', renderBash(WORDS)],
    ['zsh', renderZsh(WORDS)],
    ['fish', renderFish(WORDS)],
  ] as const) {
    const isThere = spawnSync(shell, ['-c', 'true']).status === 0;
    it(`prints a script that ${shell} can read`, { skip: isThere ? false : `${shell} is not installed` }, async () => {
      const directory = await mkdtemp(join(tmpdir(), 'hutch-completion-'));
      await writeFile(join(directory, 'script'), script);
      const { status, stderr } = spawnSync(shell, ['-n', join(directory, 'script')], { encoding: 'utf8' });
      await rm(directory, { recursive: true });
      assert.equal(status, 0, stderr);
    });
  }

  it('names every command in each script', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const script = await renderCompletion(shell);
      for (const name of Object.keys(COMMANDS))
        assert.ok(script.includes(name.split(' ').at(-1) ?? name), `${shell}: ${name}`);
    }
  });

  it('throws USAGE_INVALID for another shell', async () => {
    await assert.rejects(renderCompletion('tcsh'), /no completion for "tcsh"/u);
  });
});

describe('collectWords()', () => {
  it('lists names only by commands that exist', async () => {
    const { listings } = await collectWords();
    for (const listing of Object.values(listings)) {
      const [, topic = '', name = ''] = listing.split(' ');
      assert.ok(Object.hasOwn(COMMANDS, topic) || Object.hasOwn(COMMANDS, `${topic} ${name}`), listing);
    }
  });
});
