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

/** How often the rounds are drawn again for an interval. */
const DRAWS = 2000;

/** A ratio of medians, and between what it lies with 95 % of certainty. */
export interface Ratio {
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The ratio of the medians of two lists whose entries belong together by round. Its interval is that of a bootstrap: whole rounds are drawn
 * anew, as many as there are, which keeps what the machine did to both in one round together.
 */
export function ratioOf(of: readonly number[], to: readonly number[]): Ratio {
  const rounds = of.map((_, index) => index);
  const drawn = Array.from({ length: DRAWS }, () => {
    const indexes = rounds.map(() => Math.floor(Math.random() * rounds.length));
    return over(
      indexes.map((index) => of[index] ?? Number.NaN),
      indexes.map((index) => to[index] ?? Number.NaN),
    );
  }).toSorted((a, b) => a - b);
  const at = (share: number): number => drawn[Math.floor(share * (DRAWS - 1))] ?? Number.NaN;
  return { ratio: over(of, to), low: at(0.025), high: at(0.975) };
}

function over(of: readonly number[], to: readonly number[]): number {
  return median(of) / median(to);
}

/** What the rounds say of a goal: where it lies within the interval they say neither yes nor no. */
export function verdict({ low, high }: Ratio, goal: number): 'met' | 'missed' | 'not told apart' {
  if (high <= goal) return 'met';
  return low > goal ? 'missed' : 'not told apart';
}

/** Prints the times, then the ratios of medians; as JSON when asked to. Comparisons with a contestant that did not run are left out. */
export function report(times: Map<string, number[]>, comparisons: readonly Comparison[], asJson: boolean): void {
  const ratios = comparisons.flatMap((each) => {
    const [of, to] = [times.get(each.of), times.get(each.to)];
    return of === undefined || to === undefined ? [] : [{ ...each, ...ratioOf(of, to) }];
  });
  if (asJson) {
    const medians = Object.fromEntries([...times].map(([name, list]) => [name, median(list)]));
    console.log(JSON.stringify({ medians, ratios }, null, 2));
    return;
  }
  for (const [name, list] of times) {
    const [low, middle, high] = [Math.min(...list), median(list), Math.max(...list)].map((ms) =>
      ms.toFixed(1).padStart(7),
    );
    console.log(`${name.padEnd(28)} min ${low ?? ''}  median ${middle ?? ''}  max ${high ?? ''} ms`);
  }
  console.log('');
  for (const { of, to, goal, ...ratio } of ratios) {
    const [middle, low, high] = [ratio.ratio, ratio.low, ratio.high].map((each) => each.toFixed(2));
    const wanted = goal === null ? '' : `; goal: at most ${String(goal)}, ${verdict(ratio, goal)}`;
    console.log(`${of} / ${to} = ${middle ?? ''}  (${low ?? ''} to ${high ?? ''}${wanted})`);
  }
}
