/**
 * The lab's machine for one test file, on the host:
 *
 *     describe('…', { skip: labSkip() }, () => {
 *       const lab = useLab();
 *       it('…', async () => assert.equal(printed(await lab.as('alice', 'hutch run --rm host true')), ''));
 *     });
 *
 * Each file has a machine as it was saved, so it may change in it what it likes. HUTCH_LAB=CONFIG takes one that `lab.ts up` has started
 * instead, which spares the seconds of the start while a test is being written.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { obtainImage } from './image.ts';
import { logIn, runOnce, type CommandOptions, type LabUser, type Login, type Outcome } from './login.ts';
import { resumeMachine, type Machine } from './machine.ts';
import { TREE } from './places.ts';
import { putTree } from './put-tree.ts';

export type { Login, Outcome } from './login.ts';

export interface Lab {
  /** Has a user's shell carry out a command, in one session of that user that lasts until the end of the file or logOut(). */
  as(user: LabUser, command: string, options?: CommandOptions): Promise<Outcome>;
  /** A login session of its own. */
  login(user: LabUser): Promise<Login>;
  /** Ends the session of as(), as closing a terminal window does. */
  logOut(user: LabUser): Promise<void>;
  /** as('root'), where it must succeed; returns what it prints. */
  root(command: string): Promise<string>;
  /** Has a command of root try until it succeeds; fails with what it printed last. */
  until(command: string, seconds?: number): Promise<void>;
  /** What is to be tidied up after the last test in a machine that stays (HUTCH_LAB). */
  atEnd(work: () => Promise<unknown>): void;
  /** Boots the machine anew; its disks stay, all sessions end. */
  reboot(): Promise<void>;
}

const PROGRAMS = ['qemu-system-x86_64', 'qemu-img', 'mmdebstrap', 'ssh', 'flock', 'setpriv', 'unshare'];
const START_TIMEOUT_MS = 15 * 60_000;
const SHUTDOWN_TIMEOUT_MS = 150_000;
const BOOT_TIMEOUT_MS = 120_000;
const ANSWER_TIMEOUT_MS = 60_000;
/** Status of ssh(1), also where a signal has ended the command. */
const CONNECTION_BROKE = 255;
/** .ci/test-file knows these words. */
const GONE = 'the machine of the lab does not answer any more';
/** The last words of a kernel that goes down for a boot. */
const IS_DOWN = 'reboot: Restarting system';
const BOOT_ID = 'cat /proc/sys/kernel/random/boot_id';
const USERS: readonly LabUser[] = ['root', 'alice', 'bob'];

/** Why the lab cannot be had here; false when it can. */
export function labSkip(): string | false {
  if (process.getuid?.() !== 0) return 'needs root, to build the machine of the lab';
  if (process.arch !== 'x64') return 'the machine of the lab is for x86-64';
  const missing = PROGRAMS.filter((name) => spawnSync('which', [name]).status !== 0);
  return missing.length === 0 ? false : `not installed: ${missing.join(', ')}`;
}

/** A machine for the tests of a `describe`, which is there when they begin and gone after them. */
export function useLab(): Lab {
  let config = process.env['HUTCH_LAB'] ?? '';
  let machine: Machine | undefined;
  const logins = new Map<LabUser, Login>();
  const others: Login[] = [];
  const lastWork: (() => Promise<unknown>)[] = [];
  let isGone = false;

  before(
    async () => {
      if (config !== '') return;
      machine = await resumeMachine(await obtainImage(TREE, (line) => void process.stderr.write(`${line}\n`)));
      config = machine.config;
      await putTree(config, TREE);
    },
    { timeout: START_TIMEOUT_MS },
  );
  after(async () => {
    // One that is thrown away needs no tidying.
    if (machine === undefined && !isGone) for (const work of lastWork) await work();
    await Promise.all([...logins.values(), ...others].map((login) => login.logOut()));
    await machine?.stop();
  });

  async function login(user: LabUser): Promise<Login> {
    const made = await logIn(config, user);
    others.push(made);
    return made;
  }
  async function as(user: LabUser, command: string, options?: CommandOptions): Promise<Outcome> {
    assert.ok(!isGone, GONE);
    const session = logins.get(user) ?? (await login(user));
    logins.set(user, session);
    const outcome = await session.run(command, options);
    if (outcome.code === null || outcome.code === CONNECTION_BROKE) await requireAnswer(user, command);
    return outcome;
  }
  /** Tells a command that takes too long, or was killed, from a machine that hangs: what is tested here does not make it hang, and no other test can be trusted then. */
  async function requireAnswer(user: LabUser, command: string): Promise<void> {
    const { code, stderr } = await runOnce(config, 'root', 'true', { timeoutMs: ANSWER_TIMEOUT_MS });
    isGone = code !== 0;
    const state = JSON.stringify(await machine?.qemu.monitor.execute('query-status').catch(String));
    process.stderr.write(
      `lab: no status of ${user}'s command "${command}"; ${isGone ? GONE : 'the machine answers'}; QEMU: ${state}; ssh: ${stderr}; console:\n${consoleTail()}\n`,
    );
    assert.ok(!isGone, GONE);
  }
  async function logOut(user: LabUser): Promise<void> {
    await logins.get(user)?.logOut();
    logins.delete(user);
  }
  async function root(command: string): Promise<string> {
    const { code, stdout, stderr } = await as('root', command);
    assert.equal(code, 0, `"${command}" failed in the lab's machine: ${stderr}`);
    return stdout;
  }
  async function until(command: string, seconds = 60): Promise<void> {
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
      const { code, stdout, stderr } = await as('root', command);
      if (code === 0) return;
      assert.ok(Date.now() < deadline, `after ${String(seconds)} s still not so: ${command}\n${stdout}${stderr}`);
      await sleep(500);
    }
  }
  async function reboot(): Promise<void> {
    const bootId = await root(BOOT_ID);
    const goneBefore = countDowns();
    await runOnce(config, 'root', 'systemctl reboot');
    await Promise.all(USERS.map(logOut));
    const isDown = await within(SHUTDOWN_TIMEOUT_MS, () => Promise.resolve(countDowns() > goneBefore));
    assert.ok(isDown, `the machine does not go down:\n${consoleTail()}`);
    const hasCome = async (): Promise<boolean> => {
      const { code, stdout } = await runOnce(config, 'root', BOOT_ID);
      return code === 0 && stdout !== bootId;
    };
    if (await within(BOOT_TIMEOUT_MS, hasCome)) return;
    // Seen once, in CI, of hundreds: nothing answers any more. What comes before and after the boot is what is tested here.
    process.stderr.write(`lab: the machine is reset, since it does not boot:\n${consoleTail()}\n`);
    await machine?.qemu.monitor.execute('system_reset');
    assert.ok(await within(BOOT_TIMEOUT_MS, hasCome), `the machine has not come back:\n${consoleTail()}`);
  }
  const consoleLog = (): string => readFileSync(path.join(path.dirname(config), 'console.log'), 'utf8');
  const countDowns = (): number => consoleLog().split(IS_DOWN).length;
  const consoleTail = (): string => consoleLog().split('\n').slice(-30).join('\n');
  const atEnd = (work: () => Promise<unknown>): void => void lastWork.push(work);
  return { as, login, logOut, root, until, atEnd, reboot };
}

async function within(timeoutMs: number, isSo: () => Promise<boolean>): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (!(await isSo())) {
    if (Date.now() > deadline) return false;
    await sleep(500);
  }
  return true;
}

/** What a command printed; fails with what it said when it did not end with 0. */
export function printed({ code, stdout, stderr }: Outcome): string {
  assert.equal(code, 0, stderr || stdout);
  return stdout;
}
