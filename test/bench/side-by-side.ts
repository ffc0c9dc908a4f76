/** Whole commands timed side by side in one run, and printed as ratios of medians; for the benches. */
import { runCommand, type Argv } from './run-command.ts';

export interface Contestant {
  readonly name: string;
  /** What is timed: these commands, one after the other, or all at once. */
  readonly argv: Argv | readonly Argv[];
  /** Commands before each round that are not timed. */
  readonly before?: readonly Argv[];
  /** Commands after each round that are not timed. */
  readonly after?: readonly Argv[];
}

/** A pair whose ratio is worth a line, with the ratio that was set as the goal. */
export interface Comparison {
  readonly of: string;
  readonly to: string;
  readonly goal: number | null;
}

export interface MeasureOptions {
  readonly rounds: number;
  /** Rounds that come first and are not counted. */
  readonly warmUp: number;
  readonly env: NodeJS.ProcessEnv;
}

/** Wall times in milliseconds by name. Each round runs every contestant once, so that a drift of the machine's speed hits all. */
export function measure(all: readonly Contestant[], { rounds, warmUp, env }: MeasureOptions): Map<string, number[]> {
  const times = new Map<string, number[]>(all.map(({ name }) => [name, []]));
  const run = (argv: Argv): void => {
    runCommand(argv, env);
  };
  for (let round = -warmUp; round < rounds; round += 1) {
    for (const { name, argv, before = [], after = [] } of all) {
      before.forEach(run);
      const start = process.hrtime.bigint();
      commandsOf(argv).forEach(run);
      const elapsed = Number(process.hrtime.bigint() - start) / 1e6;
      if (round >= 0) times.get(name)?.push(elapsed);
      after.forEach(run);
    }
  }
  return times;
}

function commandsOf(argv: Argv | readonly Argv[]): readonly Argv[] {
  return isOne(argv) ? [argv] : argv;
}

function isOne(argv: Argv | readonly Argv[]): argv is Argv {
  return typeof argv[0] === 'string';
}

/** The middle one; of an even number, the upper. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Prints the times, then the ratios of medians; as JSON when asked to. Comparisons with a contestant that did not run are left out. */
export function report(times: Map<string, number[]>, comparisons: readonly Comparison[], asJson: boolean): void {
  const medians = new Map([...times].map(([name, list]) => [name, median(list)]));
  const ratios = comparisons
    .map(({ of, to, goal }) => ({
      of,
      to,
      goal,
      ratio: (medians.get(of) ?? Number.NaN) / (medians.get(to) ?? Number.NaN),
    }))
    .filter(({ ratio }) => !Number.isNaN(ratio));
  if (asJson) {
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
