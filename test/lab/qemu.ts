/**
 * A QEMU that is ours: it emulates its processor (never KVM, which CI has not), runs as nobody, reaches nothing but lets
 * itself be reached by ssh from the loopback, and dies with this process.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openMonitor, type Monitor } from './qmp.ts';

/** Block devices of the machine in the order of their names there, /dev/vda first. */
export const DISKS = ['root', 'io', 'swap', 'spare'] as const;

/** Whose id QEMU runs with; what it writes to must be theirs. */
export const QEMU_UID = 65534;

export interface QemuOptions {
  /** Where vmlinuz and initrd are. */
  readonly image: string;
  /** Where NAME.qcow2 of each disk is; gets console.log. */
  readonly directory: string;
  /** The state of a machine to go on from; it boots without. */
  readonly memory?: string;
}

export interface Qemu {
  /** On 127.0.0.1, for ssh. */
  readonly port: number;
  readonly monitor: Monitor;
  /** Ends it at once, and returns when it has ended. */
  stop(): Promise<void>;
}

/** Starts one, and returns when its processor runs; throws with what QEMU says when it does not. */
export async function startQemu(options: QemuOptions): Promise<Qemu> {
  const memory = options.memory === undefined ? undefined : openSync(options.memory, 'r');
  const child = spawn('setpriv', [...AS_NOBODY, 'qemu-system-x86_64', ...qemuArguments(options)], {
    stdio: ['pipe', 'pipe', 'pipe', ...(memory === undefined ? [] : [memory])],
    cwd: options.directory,
  });
  if (memory !== undefined) closeSync(memory);
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()).once('error', () => resolve()));
  const complaint = collect(child);
  try {
    if (child.stdin === null || child.stdout === null) throw new Error('no pipes');
    const monitor = await openMonitor(child.stdout, child.stdin);
    if (memory !== undefined) await goOn(monitor);
    const port = portOf(await monitor.execute('human-monitor-command', { 'command-line': 'info usernet' }));
    return { port, monitor, stop: () => end(child, ended) };
  } catch (error) {
    await end(child, ended);
    throw new Error(`QEMU did not start: ${complaint()}`, { cause: error });
  }
}

/** Descriptor of the state to go on from, in QEMU. */
const MEMORY_FD = 3;
const AS_NOBODY = [
  `--reuid=${String(QEMU_UID)}`,
  `--regid=${String(QEMU_UID)}`,
  '--clear-groups',
  '--pdeathsig=KILL',
  '--',
];

/** The same for the machine that is saved and for the one that goes on from there, or QEMU refuses. */
function qemuArguments({ image, memory }: QemuOptions): string[] {
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none'],
    ...['-machine', 'pc,accel=tcg', '-cpu', 'Nehalem', '-smp', '2', '-m', '2048'],
    ...['-kernel', path.join(image, 'vmlinuz'), '-initrd', path.join(image, 'initrd')],
    ...['-append', 'root=/dev/vda rw console=ttyS0 net.ifnames=0 mitigations=off'],
    ...['-serial', 'file:console.log', '-qmp', 'stdio'],
    ...['-netdev', 'user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:0-:22'],
    ...['-device', 'virtio-net-pci,netdev=net,romfile=', '-device', 'virtio-rng-pci'],
    // It is thrown away: nothing needs to reach the disk of the host.
    ...DISKS.flatMap((disk) => ['-drive', `file=${disk}.qcow2,if=virtio,cache=unsafe,discard=unmap`]),
    ...(memory === undefined ? [] : ['-incoming', `fd:${String(MEMORY_FD)}`]),
  ];
}

/** Lets the processor run when the state has been read: it was saved standing still. */
async function goOn(monitor: Monitor): Promise<void> {
  for (;;) {
    const { status } = (await monitor.execute('query-status')) as { readonly status: string };
    if (status !== 'inmigrate') break;
    await sleep(20);
  }
  await monitor.execute('cont');
}

/** What it has written to stderr, when asked. */
function collect(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  child.once('error', (error) => (text += error.message));
  return () => text.trim();
}

/** QEMU has let the kernel choose the port. */
function portOf(usernet: unknown): number {
  const port = /\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)/u.exec(String(usernet))?.[1];
  if (port === undefined) throw new Error(`no forwarded port in ${String(usernet)}`);
  return Number(port);
}

async function end(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.kill('SIGKILL');
  await ended;
}
