/**
 * PROGRAM `node test/lab/lab.ts`, as root on the host: the lab's machine for people and for .ci/test.
 *
 *     lab.ts build                         the image, unless it is there
 *     lab.ts shell [USER]                  a machine with hutch of this checkout, and a shell in it
 *     lab.ts run [--user USER] COMMAND     the same for one command of the shell; its exit status
 *     lab.ts up                            a machine that stays until SIGTERM or ^C; prints the ssh_config to reach it by
 *     lab.ts put CONFIG                    brings the checkout, built anew, into a machine that is up
 *
 * `--tree DIRECTORY` names another checkout. USER is alice, bob or root; alice if not given.
 */

import { spawn } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { obtainImage } from './image.ts';
import { resumeMachine, type Machine } from './machine.ts';
import { TREE } from './places.ts';
import { putTree } from './put-tree.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { tree: { type: 'string', default: TREE }, user: { type: 'string', default: 'alice' } },
});
const [verb = '', ...words] = positionals;
const tree = path.resolve(values.tree);

const say = (line: string): void => void process.stderr.write(`lab: ${line}\n`);

const VERBS: Record<string, () => Promise<number>> = {
  build: () => obtainImage(tree, say).then(() => 0),
  shell: () => withMachine((machine) => ssh(machine, ['-t', words[0] ?? values.user])),
  run: () => withMachine((machine) => ssh(machine, [values.user, ...words])),
  up: () => withMachine(stayUp),
  put: () => putTree(path.resolve(words[0] ?? ''), tree).then(() => 0),
};

async function withMachine(use: (machine: Machine) => Promise<number>): Promise<number> {
  const machine = await resumeMachine(await obtainImage(tree, say));
  const leave = (): void => void machine.stop().finally(() => process.exit(130));
  process.once('SIGTERM', leave).once('SIGINT', leave).once('SIGHUP', leave);
  try {
    await putTree(machine.config, tree);
    return await use(machine);
  } finally {
    await machine.stop();
  }
}

/** The terminal is that of ssh, and so is ^C. */
async function ssh({ config }: Machine, words: readonly string[]): Promise<number> {
  const child = spawn('ssh', ['-F', config, ...words], { stdio: 'inherit' });
  return new Promise((resolve) => child.once('close', (code) => resolve(code ?? 255)));
}

function stayUp({ config }: Machine): Promise<number> {
  process.stdout.write(`${config}\n`);
  // Until a signal comes.
  return new Promise(() => setInterval(() => undefined, 2 ** 30));
}

async function main(): Promise<number> {
  const command = VERBS[verb];
  if (command === undefined) throw new Error(`one of these: ${Object.keys(VERBS).join(', ')}`);
  if (process.getuid?.() !== 0) throw new Error('only root can build and start the lab');
  return command();
}

try {
  process.exitCode = await main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
