/**
 * `npm run bench:images`: pulls one image of four layers from a registry on loopback with hutch and its peers, and unpacks its
 * layers with hutch and GNU tar; prints ratios of medians. Run it as an ordinary user with subordinate ids, after `npm run build`.
 * Each round runs everything once, the order turning by one, into empty stores on one file system (TMPDIR); what was written before is synced
 * first, and nothing is deleted before the end, as that slows down whoever creates files next (docs/adr/0013). A round takes 5 GB of room.
 * Options: --rounds N (default 5), --base TAR (a root file system), --json.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { UNPACK_LIMITS } from '../../src/images/layer/unpack-layer.ts';
import { launchRegistry } from '../helpers/docker-registry.ts';
import { makeBenchImage, type BenchImage } from './image-fixture.ts';
import { measureCommand, runCommand, type Argv, type Usage } from './run-command.ts';

interface Contestant {
  readonly name: string;
  /** Fills the empty directory `place`. */
  readonly argv: (place: string) => Argv;
}

interface Goal {
  readonly of: string;
  readonly to: string;
  readonly measure: keyof Usage;
  readonly most: number | null;
}

const GOALS: readonly Goal[] = [
  { of: 'hutch pull', to: 'podman pull', measure: 'wallSeconds', most: 0.5 },
  { of: 'hutch pull', to: 'podman pull', measure: 'cpuSeconds', most: 0.5 },
  { of: 'hutch pull', to: 'skopeo + umoci', measure: 'wallSeconds', most: null },
  { of: 'hutch pull', to: 'skopeo + umoci', measure: 'cpuSeconds', most: null },
  { of: 'hutch unpack', to: 'tar -xz', measure: 'wallSeconds', most: 1.3 },
  { of: 'hutch unpack', to: 'tar -xz', measure: 'cpuSeconds', most: null },
];
const MOST_PEAK_MIB = 200;
/** More than any contestant writes. */
const WARM_BYTES = 3 * 2 ** 30;
/** As root of a user namespace with all ids of the user, which unpacked files belong to. */
const IN_USERNS = ['unshare', '--user', '--map-root-user', '--map-auto', '--'] as const;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    base: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const root = join(import.meta.dirname, '../..');
const scratch = mkdtempSync(join(tmpdir(), 'hutch-bench-'));
const places = join(scratch, 'places');
mkdirSync(places);

const registry = await launchRegistry();
try {
  const image = makeBenchImage(scratch, values.base);
  const name = `${registry.host}/bench/four:latest`;
  runCommand(['skopeo', 'copy', '--dest-tls-verify=false', `oci:${image.layout}:latest`, `docker://${name}`]);
  report(image, measure([...pulls(name), ...unpacks(image)], Number(values.rounds)));
} finally {
  await registry.stop();
  // Layers hold files of subordinate ids, and directories that even their owner may not write to.
  runCommand([...IN_USERNS, 'rm', '-rf', places]);
  rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
}

function pulls(name: string): Contestant[] {
  const policy = join(scratch, 'policy.json');
  writeFileSync(policy, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
  return [
    {
      name: 'hutch pull',
      argv: (to) => ['env', `HUTCH_DATA=${join(to, 'data')}`, join(root, 'dist/hutch'), 'pull', '-q', name],
    },
    {
      name: 'podman pull',
      argv: (to) => [
        'podman',
        ...['--root', join(to, 'root'), '--runroot', join(to, 'run'), '--tmpdir', join(to, 'tmp')],
        ...['--storage-driver', 'overlay', '--runtime', '/usr/sbin/runc', '--cgroup-manager', 'cgroupfs'],
        ...['pull', '-q', '--signature-policy', policy, '--tls-verify=false', name],
      ],
    },
    {
      name: 'skopeo + umoci',
      argv: (to) => [
        'sh',
        '-ec',
        'skopeo --policy "$3" copy -q --src-tls-verify=false "docker://$1" "oci:$2/layout:it"; umoci unpack --rootless --image "$2/layout:it" "$2/tree"',
        ...['sh', name, to, policy],
      ],
    },
  ];
}

/** All layers one after the other, each into a directory of its own, with both digests computed as for a file of unknown origin. */
function unpacks({ layers }: BenchImage): Contestant[] {
  const request = JSON.stringify({ limits: UNPACK_LIMITS, squash: false, digest: null });
  const each = 'for layer; do mkdir "$to/${layer##*/}";';
  const inUserns = (script: string, to: string): Argv => [
    'env',
    `to=${to}`,
    `request=${request}`,
    `node=${join(root, 'dist/node')}`,
    `unpack=${join(root, 'dist/unpack.cjs')}`,
    ...IN_USERNS,
    ...['sh', '-ec', `${each} ${script}; done`, 'sh'],
    ...layers,
  ];
  return [
    {
      name: 'hutch unpack',
      argv: (to) =>
        inUserns(
          '"$node" "$unpack" "$request" <"$layer" 3>"$to/answer" 4<"$to/${layer##*/}"; grep -q unpack_done "$to/answer"',
          to,
        ),
    },
    {
      name: 'tar -xz',
      argv: (to) => inUserns('tar -xzpf "$layer" --numeric-owner --exclude="dev/*" -C "$to/${layer##*/}"', to),
    },
  ];
}

function measure(all: readonly Contestant[], rounds: number): Map<string, Usage[]> {
  const usages = new Map<string, Usage[]>(all.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [index] of all.entries()) {
      const contestant = all[(index + round) % all.length];
      if (contestant === undefined) continue;
      const place = join(places, `${String(round)}-${String(index)}`);
      mkdirSync(place);
      runCommand(['sync', '-f', scratch]);
      warmMemory();
      const usage = measureCommand(contestant.argv(place), process.env, join(scratch, 'notes'));
      console.error(`round ${String(round)}: ${contestant.name} ${JSON.stringify(usage)}`);
      usages.get(contestant.name)?.push(usage);
      endPause(place);
    }
  }
  return usages;
}

/**
 * A virtual machine gets pages that it has not used for long from its host, one by one, at up to the price of filling them: who runs when the page cache
 * has grown into such memory would pay for what others have written before. So each finds memory that was used a moment ago.
 */
function warmMemory(): void {
  runCommand([process.execPath, '-e', `Buffer.alloc(${String(WARM_BYTES)}, 1)`]);
}

/** podman leaves a process behind. */
function endPause(place: string): void {
  const pause = join(place, 'tmp/pause.pid');
  if (existsSync(pause)) process.kill(Number(readFileSync(pause, 'utf8')), 'SIGKILL');
}

function report(image: BenchImage, usages: Map<string, Usage[]>): void {
  const median = (name: string, measure: keyof Usage): number => {
    const sorted = (usages.get(name) ?? []).map((usage) => usage[measure]).toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  };
  const ratios = GOALS.map((goal) => ({
    ...goal,
    ratio: median(goal.of, goal.measure) / median(goal.to, goal.measure),
  }));
  if (values.json) {
    console.log(JSON.stringify({ base: image.base, usages: Object.fromEntries(usages), ratios }, null, 2));
    return;
  }
  console.log(`lowest layer: ${image.base}`);
  for (const name of usages.keys()) {
    const [wall, cpu] = [median(name, 'wallSeconds'), median(name, 'cpuSeconds')].map((s) => s.toFixed(2).padStart(6));
    const peak = Math.max(...(usages.get(name) ?? []).map(({ peakMiB }) => peakMiB)).toFixed(0);
    console.log(`${name.padEnd(16)} wall ${wall ?? ''} s  cpu ${cpu ?? ''} s  largest process ${peak} MiB`);
  }
  for (const { of, to, measure, most, ratio } of ratios) {
    const wanted = most === null ? '' : `  (goal: at most ${String(most)})`;
    console.log(`${measure === 'wallSeconds' ? 'wall' : 'cpu '} ${of} / ${to} = ${ratio.toFixed(2)}${wanted}`);
  }
  console.log(`goal for the largest process of hutch: below ${String(MOST_PEAK_MIB)} MiB`);
}
