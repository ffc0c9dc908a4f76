/** The program init as the launch chain sees it; on the host's side. */
import { mkdirSync } from 'node:fs';
import { nodePath, programDirectory, programPath } from '../host/program-path.ts';

/** Where root's containers see hutch's programs: the mapped ids may not enter root's own directories. */
const ROOTS_PROGRAMS = '/run/hutch-programs';

/** The third spares a fifth of Node's start, the last three threads: see docs/adr/0011. What init reads comes from hutch alone. */
const INIT_FLAGS = ['--disable-sigusr1', '--no-warnings', '--no-rehash-snapshot', '--v8-pool-size=1'];

export interface LocatedInit {
  readonly argv: readonly [string, ...string[]];
  /** Its interpreter. */
  readonly node: string;
  /** What must be shown elsewhere for that; null for an ordinary user. */
  readonly expose: { readonly from: string; readonly at: string } | null;
}

export function locateInit(): LocatedInit {
  return locateProgram('init');
}

/** As locateInit, for another program that runs in a container's namespaces. */
export function locateProgram(name: 'init' | 'send' | 'receive'): LocatedInit {
  const isRoot = process.getuid?.() === 0;
  const [here, there] = [programDirectory(), ROOTS_PROGRAMS];
  const seen = (path: string): string => (isRoot ? path.replace(here, there) : path);
  const node = seen(nodePath());
  if (isRoot) mkdirSync(there, { recursive: true, mode: 0o755 });
  return {
    argv: [node, ...INIT_FLAGS, seen(programPath(name))],
    node,
    expose: isRoot ? { from: here, at: there } : null,
  };
}
