/** One run of the lab's machine, on the host: started from the image, reached by ssh, thrown away at the end. */

import { spawnSync } from 'node:child_process';
import { chownSync, chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runOnce } from './login.ts';
import { ownPrefix, removeLeftovers } from './places.ts';
import { DISKS, QEMU_UID, startQemu, type Qemu } from './qemu.ts';

export interface Machine {
  /** For `ssh -F`; the names of hosts in it are those of users: root, alice, bob. */
  readonly config: string;
  readonly qemu: Qemu;
  /** Switches it off and removes its disks. */
  stop(): Promise<void>;
}

export interface MachineParts {
  /** The directory of the image: kernel, key, and what the disks begin as. */
  readonly image: string;
  readonly directory: string;
  /** The first state of a disk: a file in `image`, and its format. */
  readonly base: (disk: string) => { readonly file: string; readonly format: 'raw' | 'qcow2' };
  /** A saved state of the processor and memory that fits the disks; the machine boots without one. */
  readonly memory?: string;
}

/** Goes on from the saved state of an image, with disks of its own; returns when it can be logged in at. */
export async function resumeMachine(image: string): Promise<Machine> {
  removeLeftovers();
  const directory = mkdtempSync(ownPrefix('run'));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  const base = (disk: string) => ({ file: `${disk}.qcow2`, format: 'qcow2' }) as const;
  try {
    const machine = await startMachine({ image, directory, base, memory: path.join(image, 'memory') });
    return { ...machine, stop: () => machine.stop().finally(remove) };
  } catch (error) {
    remove();
    throw error;
  }
}

/** Starts one in a directory that stays; returns when it can be logged in at. */
export async function startMachine(parts: MachineParts): Promise<Machine> {
  const { image, directory } = parts;
  for (const disk of DISKS) makeDisk(parts, disk);
  chownSync(directory, QEMU_UID, QEMU_UID);
  const qemu = await startQemu(parts);
  const config = path.join(directory, 'ssh_config');
  writeFileSync(config, sshConfig(image, qemu.port));
  try {
    await reach(config, path.join(directory, 'console.log'));
    // The clock of a saved machine stands where it was saved.
    await asRoot(config, `date --set=@${String(Math.floor(Date.now() / 1000))}`);
  } catch (error) {
    await qemu.stop();
    throw error;
  }
  return { config, qemu, stop: () => qemu.stop() };
}

/** A disk that keeps only what differs from its base, as a file that QEMU may write to. */
function makeDisk({ image, directory, base }: MachineParts, disk: string): void {
  const { file, format } = base(disk);
  const to = path.join(directory, `${disk}.qcow2`);
  // Of a name without a directory QEMU thinks as beside the disk.
  const from = directory === image ? file : path.join(image, file);
  run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', format, '-b', from, to]);
  chownSync(to, QEMU_UID, QEMU_UID);
  chmodSync(to, 0o600);
}

function sshConfig(image: string, port: number): string {
  const users = ['root', 'alice', 'bob'].map((user) => `Host ${user}\n  User ${user}\n`).join('');
  return `${users}Host *
  HostName 127.0.0.1
  Port ${String(port)}
  HostKeyAlias lab
  UserKnownHostsFile ${path.join(image, 'known_hosts')}
  StrictHostKeyChecking yes
  IdentityFile ${path.join(image, 'key')}
  IdentitiesOnly yes
  ConnectTimeout 10
  LogLevel ERROR
`;
}

const REACH_TIMEOUT_MS = 240_000;

async function reach(config: string, log: string): Promise<void> {
  const deadline = Date.now() + REACH_TIMEOUT_MS;
  for (;;) {
    const { code, stderr } = await runOnce(config, 'root', 'true', { timeoutMs: 20_000 });
    if (code === 0) return;
    if (Date.now() > deadline) throw new Error(`the lab's machine cannot be reached (see ${log}): ${stderr}`);
    await sleep(200);
  }
}

/** A command as root of the machine that must succeed; returns what it prints. */
export async function asRoot(config: string, command: string, input?: Buffer): Promise<string> {
  const { code, stdout, stderr } = await runOnce(config, 'root', command, input === undefined ? {} : { input });
  if (code !== 0) throw new Error(`"${command}" failed in the lab's machine (${String(code)}): ${stderr}`);
  return stdout;
}

/** A program of the host that must succeed; returns what it prints. */
export function run(program: string, argv: readonly string[], options: { readonly cwd?: string } = {}): Buffer {
  const result = spawnSync(program, argv, { ...options, maxBuffer: 1024 ** 3 });
  if (result.status === 0) return result.stdout;
  throw new Error(`${program} failed: ${result.error?.message ?? result.stderr.toString()}`);
}
