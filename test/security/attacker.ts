/** The probe of the security tests: compiled here, put into an image of its own, and what it prints. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { busyboxSkip } from '../e2e/busybox-archive.ts';
import { hostSkip, type Sandbox } from '../e2e/sandbox.ts';
import { buildTar, type TarPart } from '../helpers/tar-builder.ts';

const SOURCE = path.join(import.meta.dirname, 'probe.c');
/** The image that makeAttacker() imports. */
export const ATTACKER = 'attacker:test';

/** What the probe printed: result by name. */
export type Results = Readonly<Record<string, string>>;

export interface Attacker {
  /** The probe on the host, for controls. */
  readonly probe: string;
  /** Runs words of the probe in a container without network; several are parted by `--`. */
  attack(words: string, ...flags: readonly string[]): Promise<Results>;
}

/** Why the attacker cannot be built here; false when it can. */
export function attackerSkip(): string | false {
  const compiler = spawnSync('gcc', ['--version']).status === 0 ? false : 'gcc is not installed';
  const reasons: readonly (string | false)[] = [hostSkip(), busyboxSkip(), compiler];
  return reasons.find((reason) => reason !== false) ?? false;
}

/** Compiles the probe into the sandbox and imports an image with it, a set-uid copy of it and `parts`. */
export async function makeAttacker(box: Sandbox): Promise<Attacker> {
  const probe = path.join(box.directory, 'probe');
  compileProbe(probe);
  await importTree(box, ATTACKER, [
    { name: 'bin/probe', content: readFileSync(probe), mode: 0o755 },
    { name: 'bin/set-uid-probe', content: readFileSync(probe), mode: 0o4755 },
    { name: 'etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\n' },
  ]);
  const attack: Attacker['attack'] = async (words, ...flags) => {
    const { code, stderr, stdout } = await box.hutch([
      'run',
      '--rm',
      '--net',
      'none',
      ...flags,
      ATTACKER,
      'probe',
      ...words.split(' '),
    ]);
    assert.equal(code, 0, stderr);
    return resultsOf(stdout);
  };
  return { probe, attack };
}

export function compileProbe(output: string): void {
  const { status, stderr } = spawnSync('gcc', ['-O1', '-static', '-o', output, SOURCE], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}

const APPLETS = ['sh', 'cat', 'ls', 'grep', 'sleep', 'true', 'chmod', 'cp', 'id', 'pwd', 'env', 'stat'];

/** Imports an image with a busybox and `parts`; where `without` names a directory of the usual ones, it is left out. */
export async function importTree(
  box: Sandbox,
  name: string,
  parts: readonly TarPart[],
  without: readonly string[] = [],
): Promise<void> {
  const directories = ['bin', 'dev', 'etc', 'proc', 'root', 'run', 'sys', 'tmp'].filter((at) => !without.includes(at));
  const archive = buildTar([
    ...directories.map((at): TarPart => ({ name: `${at}/`, flag: '5', mode: at === 'tmp' ? 0o1777 : 0o755 })),
    { name: 'bin/busybox', content: readFileSync('/usr/bin/busybox'), mode: 0o755 },
    ...APPLETS.map((applet): TarPart => ({ name: `bin/${applet}`, flag: '2', linkName: 'busybox' })),
    ...parts,
  ]);
  const { code, stderr } = await box.hutch(['image', 'import', '-q', '-', name], { input: archive });
  assert.equal(code, 0, stderr);
}

/** Lines "NAME RESULT". */
export function resultsOf(text: string): Results {
  const lines = text.split('\n').filter((line) => line !== '');
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]));
}

/** Runs the probe on the host, with nothing around it: the control of a test. */
export function unfenced(probe: string, words: readonly string[], wrapper: readonly string[] = []): Results {
  const [program = '', ...args] = [...wrapper, probe, ...words];
  const { status, stderr, stdout } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 64 << 20 });
  assert.equal(status, 0, stderr);
  return resultsOf(stdout);
}
