/** A payload cannot type into the terminal of its caller (TIOCSTI), with -t or without; a Python script is the person there. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { HUTCH, makeSandbox, outcomeOf } from '../e2e/sandbox.ts';
import { ATTACKER, attackerSkip, makeAttacker, type Attacker } from './attacker.ts';

const PLAYER = path.join(import.meta.dirname, '../e2e/terminal.py');
const LEGACY = '/proc/sys/dev/tty/legacy_tiocsti';

function terminalSkip(): string | false {
  const { status } = spawnSync('python3', ['-c', 'import os; os.waitstatus_to_exitcode']);
  return attackerSkip() !== false ? attackerSkip() : status === 0 ? false : 'python3 is not installed';
}

/** Kernels from 6.2 on may refuse it to everybody. */
function controlSkip(): string | false {
  return existsSync(LEGACY) && readFileSync(LEGACY, 'utf8').trim() === '0'
    ? 'this kernel refuses TIOCSTI to all'
    : false;
}

describe('the terminal of the caller', { skip: terminalSkip() }, () => {
  const box = makeSandbox();
  let attacker: Attacker;
  before(async () => {
    attacker = await makeAttacker(box);
  });

  /** Runs `attack` and then reads a line, as the caller's shell would; the person types "typed". */
  async function play(attack: string): Promise<string> {
    const shell = `${attack}; echo prompt; read -r line; echo "shell has read <$line>"`;
    const child = spawn('python3', [PLAYER], { cwd: box.directory, env: box.env, stdio: ['pipe', 'pipe', 'pipe'] });
    const script = [
      ['expect', 'prompt'],
      ['type', 'typed\r'],
      ['expect', 'shell has read'],
    ];
    const { stdout, stderr } = await outcomeOf(
      child,
      JSON.stringify({ size: [24, 80], argv: ['sh', '-c', shell], script }),
    );
    assert.equal(stderr, '');
    const { output, missing } = JSON.parse(stdout) as { output: string; missing: string | null };
    assert.equal(missing, null, output);
    return output;
  }

  const inContainer = (flags: string): string =>
    `${HUTCH} run --rm --net none ${flags} ${ATTACKER} sh -c 'probe type "injected
" || true'`;

  it('can be typed into by a program outside of a container', { skip: controlSkip() }, async () => {
    const output = await play(`${attacker.probe} type 'injected\n'`);
    assert.match(output, /stdin OK\r\n/u);
    assert.match(output, /shell has read <injected>/u);
  });

  it('cannot be reached by a payload without -t', async () => {
    for (const flags of ['', '-i']) {
      const output = await play(inContainer(flags));
      assert.match(output, /stdin ENOTTY\r\nstdout ENOTTY\r\ntty EBADF\r\npaste ENOTTY\r\n/u);
      assert.match(output, /shell has read <typed>/u);
    }
  });

  it('cannot be reached by a payload with -t: it types into its own', async () => {
    const output = await play(inContainer('-it'));
    assert.match(output, /^(?:stdin|stdout|tty) \w+\r$/mu);
    assert.match(output, /shell has read <typed>/u);
  });
});
