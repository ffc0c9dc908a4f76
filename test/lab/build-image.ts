/** PROGRAM `node build-image.ts TREE`, run by obtainImage() under a lock: builds the image of the lab unless it is there by now. */

import { spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readRecipe, type Recipe } from './image.ts';
import { asRoot, startMachine } from './machine.ts';
import { CACHE, ownPrefix, removeLeftovers } from './places.ts';
import type { Monitor } from './qmp.ts';

/** How many images stay, those of other recipes included: checkouts of two branches shall not build in turns. */
const KEPT_IMAGES = 2;
/** What only the build needs. */
const SCAFFOLD = ['console.log', 'ssh_config'];

async function main(tree: string): Promise<void> {
  const recipe = readRecipe(tree);
  if (existsSync(recipe.image)) return;
  removeLeftovers();
  const directory = mkdtempSync(ownPrefix('build'));
  try {
    await makeDisks(directory, recipe);
    await saveMachine(directory);
    seal(directory);
    renameSync(directory, recipe.image);
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
  removeOldImages();
}

/** In namespaces of its own, so that nothing of it stays running or mounted when this process is killed. */
async function makeDisks(directory: string, { node, packages }: Recipe): Promise<void> {
  const fence = ['--pdeathsig=KILL', '--', 'unshare', '--mount', '--pid', '--mount-proc', '--fork', '--kill-child'];
  const script = path.join(import.meta.dirname, 'recipe/build');
  const child = spawn('setpriv', [...fence, 'sh', script, directory, node, packages.join()], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`${script} failed with ${String(code)}`);
}

/** Boots, and saves the state of the machine beside its disks. */
async function saveMachine(directory: string): Promise<void> {
  const base = (disk: string) => ({ file: `${disk}.raw`, format: 'raw' }) as const;
  const machine = await startMachine({ image: directory, directory, base });
  try {
    // The first start of Node is the slowest: its pages are to be in memory already.
    await asRoot(machine.config, 'systemctl is-system-running --wait && node -e 0 && loginctl list-sessions && sync');
    await save(machine.qemu.monitor);
  } finally {
    await machine.stop();
  }
}

/** The disks are written to no more after this, and what QEMU has of them in memory is in their files. */
async function save(monitor: Monitor): Promise<void> {
  await monitor.execute('stop');
  await monitor.execute('migrate', { uri: 'exec:cat >memory' });
  for (;;) {
    const { status } = (await monitor.execute('query-migrate')) as { readonly status?: string };
    if (status === 'completed') return;
    if (status === 'failed' || status === 'cancelled')
      throw new Error(`the state of the machine was not saved: ${status}`);
    await sleep(100);
  }
}

/** Others may read the disks, as QEMU's own user must, but not the key; nobody writes. */
function seal(directory: string): void {
  for (const name of SCAFFOLD) rmSync(path.join(directory, name), { force: true });
  for (const name of readdirSync(directory)) {
    chownSync(path.join(directory, name), 0, 0);
    chmodSync(path.join(directory, name), name === 'key' ? 0o600 : 0o444);
  }
  chownSync(directory, 0, 0);
  chmodSync(directory, 0o711);
}

/** A machine that still runs keeps its files until it ends. */
function removeOldImages(): void {
  const images = readdirSync(CACHE).filter((name) => /^[0-9a-f]{20}$/u.test(name));
  const lastUse = (name: string): number => statSync(path.join(CACHE, name)).mtimeMs;
  const old = images.sort((one, other) => lastUse(other) - lastUse(one)).slice(KEPT_IMAGES);
  for (const name of old) rmSync(path.join(CACHE, name), { recursive: true, force: true });
}

const [, , tree = ''] = process.argv;
try {
  await main(tree);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
