/** The launch chain of a plan on this host; in the monitor. */
import { mkdirSync } from 'node:fs';
import { nodePath, programDirectory, programPath } from '../host/program-path.ts';
import type { Enter, Plan } from '../plan/step.ts';
import { launchChain, type LaunchChain } from '../userns/launch-chain.ts';
import { readSubordinateIds } from '../userns/subordinate-ids.ts';

/** Where root's containers see hutch's programs: the mapped ids may not enter root's own directories. */
const ROOTS_PROGRAMS = '/run/hutch-programs';

/** The third spares a fifth of Node's start: see docs/adr/0011. What init reads comes from hutch alone. */
const INIT_FLAGS = ['--disable-sigusr1', '--no-warnings', '--no-rehash-snapshot'];

export function chainFor(plan: Plan): LaunchChain {
  const isRoot = process.getuid?.() === 0;
  const here = programDirectory();
  const there = ROOTS_PROGRAMS;
  const seen = (path: string): string => (isRoot ? path.replace(here, there) : path);
  const node = seen(nodePath());
  if (isRoot) mkdirSync(there, { recursive: true, mode: 0o755 });
  return launchChain(
    {
      userNamespaces: plan.enter.userNamespaces,
      pid: plan.enter.pid,
      time: plan.enter.time,
      argv: [node, ...INIT_FLAGS, seen(programPath('init'))],
      protect: node,
      ...(isRoot ? { expose: { from: here, at: there } } : {}),
    },
    readSubordinateIds(process.getuid?.() ?? 0),
  );
}

/** The shape that most runs have: only that is worth a head start. */
export function isPlain({ userNamespaces, pid, time }: Enter): boolean {
  const hasOffset = time !== null && (time.monotonicSeconds !== 0 || time.boottimeSeconds !== 0);
  return userNamespaces.length === 1 && pid === 'private' && !hasOffset;
}
