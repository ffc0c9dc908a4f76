/** The image that the bench pulls: four layers of different kinds, gzip-compressed, as an OCI layout; made anew for each run. */
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { runCommand } from './run-command.ts';

const SMALL_FILES = 20_000;
const FILES_PER_DIRECTORY = 200;
const RANDOM_MIB = 200;
/** Large packages that most Debian systems have; those that are missing are left out. */
const PACKAGES = [
  'perl-modules-5.36',
  'libpython3.11-stdlib',
  'git',
  'gcc-12',
  'libc6-dev',
  'libperl5.36',
  'binutils-common',
];

export interface BenchImage {
  /** An OCI layout; its image is `four:latest`. */
  readonly layout: string;
  /** The layers' tar archives, compressed, from the lowest up. */
  readonly layers: readonly string[];
  /** What the lowest layer holds. */
  readonly base: string;
}

/** Makes the image below `scratch`. `baseTar` is a root file system to take instead of a new Debian. */
export function makeBenchImage(scratch: string, baseTar: string | undefined): BenchImage {
  const directory = join(scratch, 'image');
  mkdirSync(directory);
  const layout = join(directory, 'four');
  runCommand(['umoci', 'init', '--layout', layout]);
  runCommand(['umoci', 'new', '--image', `${layout}:latest`]);
  const base = baseTar === undefined ? makeBase(join(directory, 'base.tar')) : { tar: baseTar, what: baseTar };
  const tars = [base.tar, ...makeOthers(directory)];
  const layers = tars.map((tar, index) => {
    runCommand(['umoci', 'raw', 'add-layer', '--image', `${layout}:latest`, tar]);
    const layer = join(directory, `layer-${String(index)}.tar.gz`);
    runCommand(['sh', '-c', 'gzip -c "$1" >"$2"', 'sh', tar, layer]);
    if (tar !== baseTar) rmSync(tar);
    return layer;
  });
  return { layout, layers, base: base.what };
}

/** Debian if it can be had, else as much of this host's own files. */
function makeBase(tar: string): { tar: string; what: string } {
  const { status } = spawnSync('mmdebstrap', ['--variant=minbase', 'bookworm', tar], { stdio: 'ignore' });
  if (status === 0) return { tar, what: 'Debian bookworm by mmdebstrap' };
  const own = ['/usr/bin', '/usr/sbin', '/usr/share/doc', '/usr/share/perl'].filter((path) => existsSync(path));
  // Files that others cannot read are left out.
  spawnSync('tar', ['--ignore-failed-read', '-cf', tar, ...own.map((path) => path.slice(1))], { cwd: '/' });
  return { tar, what: `${own.join(', ')} of this host` };
}

function makeOthers(directory: string): string[] {
  const [packages, small, random] = ['packages', 'small', 'random'].map((name) => join(directory, `${name}.tar`)) as [
    string,
    string,
    string,
  ];
  const listed = spawnSync('dpkg', ['-L', ...PACKAGES], { encoding: 'utf8', maxBuffer: 64 << 20 }).stdout;
  spawnSync('tar', ['--no-recursion', '--ignore-failed-read', '-cf', packages, '-C', '/', '-T', '-'], {
    // Packages share directories, and podman refuses a layer that names one twice.
    input: [...new Set(listed.split('\n').filter((line) => /^\/[^.]/u.test(line)))]
      .map((line) => line.slice(1))
      .join('\n'),
  });
  const tree = join(directory, 'tree');
  makeSmallFiles(join(tree, 'small'));
  runCommand(['tar', '-C', tree, '-cf', small, 'small']);
  rmSync(tree, { recursive: true });
  mkdirSync(tree);
  makeRandomFile(join(tree, 'random.bin'));
  runCommand(['tar', '-C', tree, '-cf', random, 'random.bin']);
  rmSync(tree, { recursive: true });
  return [packages, small, random];
}

function makeSmallFiles(directory: string): void {
  for (let index = 0; index < SMALL_FILES; index += 1) {
    const parent = join(directory, String(Math.floor(index / FILES_PER_DIRECTORY)));
    if (index % FILES_PER_DIRECTORY === 0) mkdirSync(parent, { recursive: true });
    writeFileSync(join(parent, `${String(index)}.txt`), `file ${String(index)}\n`.repeat(1 + (index % 100)));
  }
}

function makeRandomFile(path: string): void {
  const fd = openSync(path, 'wx');
  for (let mib = 0; mib < RANDOM_MIB; mib += 1) writeSync(fd, randomBytes(1 << 20));
  closeSync(fd);
}
