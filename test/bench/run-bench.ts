/**
 * `npm run bench`: times whole commands side by side in one run and prints ratios of medians. Run it as an ordinary user on a
 * quiet machine, after `npm run build`. Each round runs every command once, so that a drift of the machine's speed hits all.
 * Peers that are not installed are left out. Options: --rounds N (default 21), --json.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

interface Contestant {
  readonly name: string;
  readonly argv: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
}

/** A pair whose ratio is worth a line, with the ratio that was set as the goal. */
interface Comparison {
  readonly of: string;
  readonly to: string;
  readonly goal: number | null;
}

const COMPARISONS: readonly Comparison[] = [
  { of: 'hutch run', to: 'podman run', goal: 0.4 },
  { of: 'hutch run, fuse-overlayfs', to: 'podman run', goal: 0.4 },
  { of: 'hutch run', to: 'node -e 0', goal: null },
  { of: 'hutch run', to: 'bwrap', goal: null },
  { of: 'hutch run, no head start', to: 'hutch run', goal: null },
  { of: 'hutch images -q', to: 'node -e 0', goal: 2 },
];

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '21' }, json: { type: 'boolean', default: false } },
});
const root = join(import.meta.dirname, '../..');
const hutch = join(root, 'dist/hutch');
const node = join(root, 'dist/node');
const scratch = mkdtempSync(join(tmpdir(), 'hutch-bench-'));
const environment = { ...process.env, HUTCH_DATA: join(scratch, 'data') };

try {
  const image = makeRootTarball();
  run([hutch, 'image', 'import', image, 'bench:1']);
  report(measure(contestants(image), Number(values.rounds)));
} finally {
  // Layers, podman's too, hold files of subordinate ids.
  spawnSync(hutch, ['rmi', 'bench:1'], { env: environment });
  spawnSync('podman', ['unshare', 'rm', '-rf', join(scratch, 'podman')]);
  rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
}

/** A root file system of busybox alone: what is measured is the tool, not the image. */
function makeRootTarball(): string {
  const tree = join(scratch, 'tree');
  for (const name of ['bin', 'etc', 'tmp']) mkdirSync(join(tree, name), { recursive: true });
  copyFileSync('/bin/busybox', join(tree, 'bin/busybox'));
  for (const name of ['sh', 'true']) symlinkSync('busybox', join(tree, 'bin', name));
  writeFileSync(join(tree, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n');
  const tarball = join(scratch, 'root.tar');
  // As in any image: directories of another id in the container would have to be removed in a user namespace each time.
  run(['tar', '-C', tree, '--owner=0', '--group=0', '-cf', tarball, '.']);
  return tarball;
}

function contestants(tarball: string): Contestant[] {
  const inHutch = (...flags: string[]): Contestant['argv'] => [
    hutch,
    'run',
    '--rm',
    '--net',
    'none',
    ...flags,
    'bench:1',
    'true',
  ];
  return [
    { name: 'node -e 0', argv: [node, '-e', '0'] },
    { name: 'hutch images -q', argv: [hutch, 'images', '-q'] },
    { name: 'hutch run', argv: inHutch() },
    { name: 'hutch run, no head start', argv: [node, join(root, 'dist/hutch.cjs'), ...inHutch().slice(1)] },
    { name: 'hutch run, fuse-overlayfs', argv: inHutch('--storage-driver', 'fuse-overlayfs') },
    ...podman(tarball),
    ...(existsSync('/usr/bin/bwrap')
      ? [
          {
            name: 'bwrap',
            argv: [
              'bwrap',
              '--ro-bind',
              '/',
              '/',
              '--unshare-all',
              '--proc',
              '/proc',
              '--dev',
              '/dev',
              'true',
            ] as const,
          },
        ]
      : []),
  ];
}

/** podman with the same image, on the kernel's overlay as well, in a store of its own. */
function podman(tarball: string): Contestant[] {
  if (!existsSync('/usr/bin/podman') || !existsSync('/usr/sbin/runc')) return [];
  const base = [
    'podman',
    '--root',
    join(scratch, 'podman'),
    '--runroot',
    join(scratch, 'podman-run'),
    '--storage-driver',
    'overlay',
    '--runtime',
    '/usr/sbin/runc',
    '--cgroup-manager',
    'cgroupfs',
  ] as const;
  run([...base, 'import', tarball, 'bench:1']);
  return [{ name: 'podman run', argv: [...base, 'run', '--rm', '--network', 'none', 'bench:1', 'true'] }];
}

function run(argv: Contestant['argv']): void {
  const [file, ...args] = argv;
  const { status, stderr, error } = spawnSync(file, args, {
    env: environment,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${String(status)}: ${error?.message ?? stderr}`);
}

/** Wall times in milliseconds by name. Two rounds that are not counted come first. */
function measure(all: readonly Contestant[], rounds: number): Map<string, number[]> {
  const times = new Map<string, number[]>(all.map(({ name }) => [name, []]));
  for (let round = -2; round < rounds; round += 1) {
    for (const { name, argv } of all) {
      const start = process.hrtime.bigint();
      run(argv);
      const elapsed = Number(process.hrtime.bigint() - start) / 1e6;
      if (round >= 0) times.get(name)?.push(elapsed);
    }
  }
  return times;
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function report(times: Map<string, number[]>): void {
  const medians = new Map([...times].map(([name, list]) => [name, median(list)]));
  const ratios = COMPARISONS.map(({ of, to, goal }) => ({
    of,
    to,
    goal,
    ratio: (medians.get(of) ?? Number.NaN) / (medians.get(to) ?? Number.NaN),
  })).filter(({ ratio }) => !Number.isNaN(ratio));
  if (values.json) {
    console.log(JSON.stringify({ medians: Object.fromEntries(medians), ratios }, null, 2));
    return;
  }
  for (const [name, list] of times) {
    const [low, middle, high] = [Math.min(...list), median(list), Math.max(...list)].map((ms) =>
      ms.toFixed(1).padStart(7),
    );
    console.log(`${name.padEnd(28)} min ${low ?? ''}  median ${middle ?? ''}  max ${high ?? ''} ms`);
  }
  console.log('');
  for (const { of, to, goal, ratio } of ratios) {
    const wanted = goal === null ? '' : `  (goal: at most ${String(goal)})`;
    console.log(`${of} / ${to} = ${ratio.toFixed(2)}${wanted}`);
  }
}
