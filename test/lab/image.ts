/** The image of the lab's machine, on the host: a disk, and the state of a machine that has booted from it, named by the hash of their recipe. */

import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { CACHE, TREE } from './places.ts';

/** What the machine has besides the packages of .ci/prepare that hutch needs. */
const PACKAGES = [
  ...['systemd-sysv', 'libpam-systemd', 'dbus-user-session', 'polkitd', 'cron', 'openssh-server'],
  ...['linux-image-cloud-amd64', 'initramfs-tools', 'kmod', 'nftables'],
  // Yardsticks, and things to run.
  ...['podman', 'crun', 'procps', 'python3-minimal', 'busybox-static', 'attr', 'strace', 'less'],
];

const RECIPE = path.join(import.meta.dirname, 'recipe');
/** Files of which each change asks for another image, besides those of RECIPE. */
const SOURCES = ['build-image.ts', 'qemu.ts'];

export interface Recipe {
  /** The binary of Node that goes into the machine. */
  readonly node: string;
  readonly packages: readonly string[];
  /** The directory that the image has, or will have. */
  readonly image: string;
}

/** @param tree the checkout, built, whose Node the machine gets. */
export function readRecipe(tree: string): Recipe {
  const node = path.join(tree, 'dist/node');
  const packages = [...PACKAGES, ...neededPackages()];
  const hash = createHash('sha256');
  for (const name of readdirSync(RECIPE).sort()) hash.update(readFileSync(path.join(RECIPE, name)));
  for (const name of SOURCES) hash.update(readFileSync(path.join(import.meta.dirname, name)));
  hash.update(packages.join()).update(execFileSync(node, ['--version']));
  hash.update(execFileSync('qemu-system-x86_64', ['--version']));
  return { node, packages, image: path.join(CACHE, hash.digest('hex').slice(0, 20)) };
}

/** The packages of the two tables in .ci/prepare without which hutch lacks something. */
function neededPackages(): string[] {
  const script = '. .ci/prepare; printf "%s\\n" "$RUN_PACKAGES" "$EXTRA_PACKAGES"';
  const lines = execFileSync('sh', ['-c', script], { cwd: TREE, encoding: 'utf8' }).split('\n');
  return lines.flatMap((line) => line.split(' ').slice(0, 1)).filter((name) => name !== '');
}

/** The image that fits a checkout, as its directory; built first when it is not there, by one process at a time. */
export async function obtainImage(tree: string, say: (line: string) => void): Promise<string> {
  mkdirSync(CACHE, { recursive: true, mode: 0o711 });
  refuseForeign(CACHE);
  const { image } = readRecipe(tree);
  if (!existsSync(image)) {
    say('building the image of the lab, which takes a minute or two');
    await build(tree);
  }
  // The images that were used last are kept.
  utimesSync(image, new Date(), new Date());
  return image;
}

function refuseForeign(directory: string): void {
  const { uid, mode } = statSync(directory);
  if (uid !== 0 || (mode & 0o022) !== 0) throw new Error(`${directory} must belong to root, and to root alone`);
}

/** flock(1) lets in one at a time; the next one finds what this one has made. */
async function build(tree: string): Promise<void> {
  const program = path.join(import.meta.dirname, 'build-image.ts');
  const words = ['--pdeathsig=TERM', '--', 'flock', '--close', path.join(CACHE, 'lock')];
  const child = spawn('setpriv', [...words, process.execPath, program, tree], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error('the image of the lab could not be built');
}
