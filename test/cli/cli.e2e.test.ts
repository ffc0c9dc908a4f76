/** End-to-end tests of the built CLI: help, errors, exit codes. The programs are built into a directory of their own. */

import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { COMMANDS } from '../../src/cli/command-table.ts';
import { VERSION } from '../../src/cli/version.ts';

const ROOT = join(import.meta.dirname, '../..');
let directory = '';

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function hutch(...argv: readonly string[]): Outcome {
  return hutchOf(join(directory, 'dist'), argv);
}

function hutchOf(programs: string, argv: readonly string[], env: NodeJS.ProcessEnv = {}): Outcome {
  const options = { encoding: 'utf8', env: { ...process.env, ...env }, cwd: directory } as const;
  const { status, stderr, stdout } = spawnSync(join(programs, 'node'), [join(programs, 'hutch.cjs'), ...argv], options);
  return { status, stderr, stdout };
}

before(async () => {
  // Next to node_modules, so that the build can rename into it.
  directory = await mkdtemp(join(ROOT, 'node_modules', '.hutch-e2e-'));
  const build = join(ROOT, '.config/build.mjs');
  await promisify(execFile)(process.execPath, [build, '--output', join(directory, 'dist'), 'hutch', 'daily', 'life']);
});

after(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe('the launcher', () => {
  const names = Object.entries(COMMANDS).flatMap(([name, { aliases = [] }]) => [name, ...aliases]);
  /** By a Node that only says what it was to run. */
  const programFor = (...argv: readonly string[]): string | undefined =>
    /(\w+)\.cjs/u.exec(spawnSync(join(directory, 'say/hutch'), argv, { encoding: 'utf8' }).stdout)?.[1];

  before(async () => {
    await mkdir(join(directory, 'say'));
    await cp(join(directory, 'dist/hutch'), join(directory, 'say/hutch'));
    await writeFile(join(directory, 'say/node'), '#!/bin/sh\necho "$@"\n', { mode: 0o755 });
  });

  it('has smaller programs for commands of every day, which answer as the whole does', () => {
    const inProgram = (program: string): string[] =>
      names.filter((name) => programFor(...name.split(' '), 'x') === program);
    const [daily, life] = [inProgram('daily'), inProgram('life')];
    for (const name of ['ps', 'rm', 'stop', 'container stop', 'container inspect'])
      assert.ok(daily.includes(name), name);
    for (const name of ['exec', 'start', 'container exec']) assert.ok(life.includes(name), name);
    for (const name of [...daily, ...life]) {
      const argv = [...name.split(' '), '--bogus'];
      const { status, stderr } = spawnSync(join(directory, 'dist/hutch'), argv, { encoding: 'utf8' });
      assert.deepEqual([status, stderr], [125, hutch(...argv).stderr]);
      assert.match(stderr, /unknown flag --bogus/u);
    }
  });

  it('leaves help, and everything else, to the whole', () => {
    for (const words of [
      ['exec', '--help'],
      ['ps', '-h'],
      ['help', 'ps'],
      ['ps-all'],
      ['image', 'inspect', 'x'],
      ['pull', 'x'],
      [],
    ])
      assert.equal(programFor(...words), 'hutch', words.join(' '));
  });
});

describe('hutch --help', () => {
  it('lists every command of one word with its summary', () => {
    const { status, stderr, stdout } = hutch('--help');
    assert.equal(status, 0);
    assert.equal(stderr, '');
    for (const [name, { summary }] of Object.entries(COMMANDS)) {
      if (name.includes(' ')) continue;
      assert.ok(new RegExp(`^  ${name} +${summary.slice(0, 20)}`, 'mu').test(stdout), `${name} in:\n${stdout}`);
    }
  });

  it('has no escape sequences when stdout is no terminal', () => {
    assert.ok(!hutch('--help').stdout.includes('\u001b'));
  });

  it('prints the same help by --help, by -h and by the word help', () => {
    const { stdout } = hutch('version', '--help');
    assert.match(stdout, /USAGE\n {2}\$ hutch version \[FLAGS\]/u);
    assert.match(stdout, /EXAMPLES\n {2}\$ hutch version\n/u);
    assert.equal(hutch('help', 'version').stdout, stdout);
    assert.equal(hutch('version', '-h').stdout, stdout);
  });

  it('shows help for every command and every topic that has commands', () => {
    for (const [name, { summary }] of Object.entries(COMMANDS)) {
      const { status, stderr, stdout } = hutch(...name.split(' '), '--help');
      assert.equal(status, 0, stderr);
      assert.ok(stdout.startsWith(summary), `${name}: ${stdout}`);
      const [topic = ''] = name.split(' ');
      if (topic !== name) assert.ok(hutch(topic, '--help').stdout.includes(name), `${topic} --help lacks ${name}`);
    }
  });

  it('is shown with exit code 125 when no command is given', () => {
    const { status, stdout } = hutch();
    assert.equal(status, 125);
    assert.match(stdout, /^COMMANDS$/mu);
  });
});

describe('an error', () => {
  const cases: readonly (readonly [readonly string[], string])[] = [
    [['versoin'], 'hutch: there is no command "hutch versoin"\n  fix: Did you mean hutch version?\n'],
    [['frobnicate'], 'hutch: there is no command "hutch frobnicate"\n  fix: See hutch --help for all commands\n'],
    [
      ['version', '--fromat', 'json'],
      'hutch: unknown flag --fromat for hutch version\n  fix: Did you mean --format? See hutch version --help\n',
    ],
    [['version', 'x'], 'hutch: hutch version takes no argument "x"\n  fix: See hutch version --help\n'],
    [['version', '--format'], 'hutch: flag --format needs a value\n  fix: Write a value after --format\n'],
    [['completion'], 'hutch: hutch completion needs SHELL\n  fix: See hutch completion --help\n'],
    [
      ['completion', 'tcsh'],
      'hutch: Expected tcsh to be one of: bash, zsh, fish\n  fix: See hutch completion --help\n',
    ],
    [['version', '-f', '{{.'], 'hutch: bad template "{{.": a {{ has no }}\n'],
  ];
  for (const [argv, expected] of cases) {
    it(`goes to stderr with its remedy and exit code 125 when one runs hutch ${argv.join(' ')}`, () => {
      const { status, stderr, stdout } = hutch(...argv);
      assert.ok(stderr.startsWith(expected), stderr);
      assert.equal(stdout, '');
      assert.equal(status, 125);
    });
  }
});

describe('hutch version', () => {
  it('prints the version of package.json, as text, as JSON and by template', () => {
    assert.match(hutch('version').stdout, new RegExp(`^hutch ${VERSION} \\(node `, 'u'));
    assert.equal((JSON.parse(hutch('version', '--format', 'json').stdout) as { Version: string }).Version, VERSION);
    assert.equal(hutch('--version', '-f', '{{.Version}}').stdout, `${VERSION}\n`);
  });

  it('exits quietly with 0 when nobody reads its output', () => {
    const script = '{ "$0" "$1" completion bash; echo "status $?" >&2; } | true';
    // The reader is gone before node has started.
    const { stderr } = spawnSync(
      'sh',
      ['-c', script, join(directory, 'dist/node'), join(directory, 'dist/hutch.cjs')],
      { encoding: 'utf8' },
    );
    assert.equal(stderr, 'status 0\n');
  });
});

describe('the code cache', () => {
  it('is not needed: without it, or with a broken one, hutch runs as well', async () => {
    for (const cache of [undefined, 'not a cache']) {
      const copy = await mkdtemp(join(tmpdir(), 'hutch-e2e-'));
      for (const file of ['hutch.cjs', 'hutch.js', 'node']) await cp(join(directory, 'dist', file), join(copy, file));
      if (cache !== undefined) await writeFile(join(copy, 'hutch.cache'), cache);
      const { status, stderr, stdout } = hutchOf(copy, ['version']);
      await rm(copy, { recursive: true });
      assert.equal(status, 0, stderr);
      assert.match(stdout, /^hutch /u);
    }
  });
});
