/**
 * `npm run bench`: times whole commands side by side in one run and prints ratios of medians. Run it as an ordinary user on a
 * quiet machine, after `npm run build`. Peers that are not installed are left out. Options: --rounds N (default 21), --json.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { IMAGE, makeBusyboxWorld, type BusyboxWorld } from './busybox-world.ts';
import type { Argv } from './run-command.ts';
import { measure, report, type Comparison, type Contestant } from './side-by-side.ts';

const COMPARISONS: readonly Comparison[] = [
  { of: 'hutch run', to: 'podman run', goal: 0.4 },
  { of: 'hutch run, fuse-overlayfs', to: 'podman run, fuse-overlayfs', goal: 0.4 },
  { of: 'hutch run, fuse-overlayfs', to: 'podman run', goal: null },
  { of: 'hutch run', to: 'node -e 0', goal: null },
  { of: 'hutch run', to: 'bwrap', goal: null },
  { of: 'hutch run, no head start', to: 'hutch run', goal: null },
  { of: 'hutch images -q', to: 'node -e 0', goal: 2 },
];

const BWRAP: Argv = ['bwrap', ...['--ro-bind', '/', '/', '--unshare-all', '--proc', '/proc', '--dev', '/dev'], 'true'];

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '21' }, json: { type: 'boolean', default: false } },
});
using world = makeBusyboxWorld();
const times = measure(contestants(world), { rounds: Number(values.rounds), warmUp: 2, env: world.env });
report(times, COMPARISONS, values.json);

function contestants({ hutch, node, root, podman, podmanOnFuse }: BusyboxWorld): Contestant[] {
  const inHutch = (...flags: string[]): Argv => [hutch, 'run', '--rm', '--net', 'none', ...flags, IMAGE, 'true'];
  return [
    { name: 'node -e 0', argv: [node, '-e', '0'] },
    { name: 'hutch images -q', argv: [hutch, 'images', '-q'] },
    { name: 'hutch run', argv: inHutch() },
    { name: 'hutch run, no head start', argv: [node, join(root, 'dist/hutch.cjs'), ...inHutch().slice(1)] },
    { name: 'hutch run, fuse-overlayfs', argv: inHutch('--storage-driver', 'fuse-overlayfs') },
    ...inPodman('podman run', podman),
    ...inPodman('podman run, fuse-overlayfs', podmanOnFuse),
    ...(existsSync('/usr/bin/bwrap') ? [{ name: 'bwrap', argv: BWRAP }] : []),
  ];
}

function inPodman(name: string, podman: Argv | null): Contestant[] {
  return podman === null ? [] : [{ name, argv: [...podman, 'run', '--rm', '--network', 'none', IMAGE, 'true'] }];
}
