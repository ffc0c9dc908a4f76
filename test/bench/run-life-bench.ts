/**
 * `npm run bench:life`: what containers that live cost next to podman's: start and removal, twenty at once, exec, stop, logs, ps. Run it as
 * an ordinary user, after `npm run build`; without podman and runc only hutch's own times are printed. Options: --rounds N (default 11), --json,
 * --only TEXT for what has TEXT in its name.
 */
import { parseArgs } from 'node:util';
import { IMAGE, makeBusyboxWorld, type BusyboxWorld } from './busybox-world.ts';
import { runCommand, type Argv } from './run-command.ts';
import { measure, report, type Comparison, type Contestant } from './side-by-side.ts';

const AT_ONCE = 20;
const IN_LIST = 50;
const LOG_BYTES = 100_000_000;

/** The most that hutch's time may be of podman's. */
const GOALS = { 'run -d, rm -f': 0.5, '20 at once': 0.5, exec: 0.7, stop: 0.7, 'logs of 100 MB': 1, 'ps of 50': 1.2 };
const COMPARISONS: readonly Comparison[] = Object.entries(GOALS).map(([verb, goal]) => ({
  of: `hutch ${verb}`,
  to: `podman ${verb}`,
  goal,
}));

/** A payload that waits and ends at SIGTERM: PID 1 would ignore it without a handler. */
const WAITS = ['sh', '-c', 'trap "exit 0" TERM; sleep 1000 & wait'];

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '11' },
    only: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
  },
});
using world = makeBusyboxWorld();
const tools = toolsOf(world);
try {
  const times = new Map<string, number[]>();
  const options = { warmUp: 1, env: world.env };
  const add = (contestants: readonly Contestant[], rounds: number): void => {
    const wanted = contestants.filter(({ name }) => name.includes(values.only));
    for (const [name, list] of measure(wanted, { ...options, rounds })) times.set(name, list);
  };
  const rounds = Number(values.rounds);
  add(tools.flatMap(lives), rounds);
  // Fewer rounds of what takes longer.
  add(tools.map(manyAtOnce), Math.ceil(rounds / 3));
  add(tools.map(bigLog), Math.ceil(rounds / 3));
  add(tools.map(longList), rounds);
  report(times, COMPARISONS, values.json);
} finally {
  for (const { argv } of tools) removeAll(argv);
}

interface Tool {
  readonly name: string;
  readonly argv: Argv;
  /** Flags of a run without a network. */
  readonly isolated: readonly string[];
}

function toolsOf({ hutch, podman }: BusyboxWorld): Tool[] {
  return [
    { name: 'hutch', argv: [hutch], isolated: ['--net', 'none'] },
    ...(podman === null ? [] : [{ name: 'podman', argv: podman, isolated: ['--network', 'none'] }]),
  ];
}

function detached({ argv, isolated }: Tool, name: string): Argv {
  return [...argv, 'run', '-d', '--name', name, ...isolated, IMAGE, ...WAITS];
}

function removed({ argv }: Tool, ...names: readonly string[]): Argv {
  return [...argv, 'rm', '-f', ...names];
}

function lives(tool: Tool): Contestant[] {
  const { name, argv } = tool;
  return [
    { name: `${name} run -d, rm -f`, argv: [detached(tool, 'one'), removed(tool, 'one')] },
    {
      name: `${name} exec`,
      before: [detached(tool, 'two')],
      argv: [...argv, 'exec', 'two', 'true'],
      after: [removed(tool, 'two')],
    },
    {
      name: `${name} stop`,
      before: [detached(tool, 'three')],
      argv: [...argv, 'stop', 'three'],
      after: [removed(tool, 'three')],
    },
  ];
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `many-${String(index)}`);
}

/** All started by one shell, which waits for the last. */
function manyAtOnce(tool: Tool): Contestant {
  const starts = names(AT_ONCE).map((name) => `${detached(tool, name).map(quote).join(' ')} & p="$p $!"`);
  return {
    name: `${tool.name} 20 at once`,
    argv: ['sh', '-c', `${starts.join('\n')}\nfor each in $p; do wait $each || exit; done`],
    after: [removed(tool, ...names(AT_ONCE))],
  };
}

function bigLog(tool: Tool): Contestant {
  const script = `yes 'a line of a log, as long as such lines are, more or less, and then some more of it' | head -c ${String(LOG_BYTES)}`;
  return {
    name: `${tool.name} logs of 100 MB`,
    before: [
      [...tool.argv, 'run', '-d', '--name', 'talks', ...tool.isolated, IMAGE, 'sh', '-c', script],
      [...tool.argv, 'wait', 'talks'],
    ],
    argv: [...tool.argv, 'logs', 'talks'],
    after: [removed(tool, 'talks')],
  };
}

/** The containers are made in the round that is not counted, and stay. */
function longList(tool: Tool): Contestant {
  const make = names(IN_LIST).map((name) => detached(tool, `list-${name}`).map(quote).join(' '));
  const isThere = [...tool.argv, 'logs', 'list-many-0'].map(quote).join(' ');
  return {
    name: `${tool.name} ps of 50`,
    before: [['sh', '-c', `${isThere} >/dev/null 2>&1 || {\n${make.join(' || exit\n')} || exit\n}`]],
    argv: [...tool.argv, 'ps'],
  };
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Containers of the list, and what an interrupted bench has left. */
function removeAll(argv: Argv): void {
  const all = [...argv, 'ps', '-aq'].map(quote).join(' ');
  const remove = [...argv, 'rm', '-f'].map(quote).join(' ');
  runCommand(['sh', '-c', `ids=$(${all}) && { [ -z "$ids" ] || ${remove} $ids; }`], world.env);
}
