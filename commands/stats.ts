/** `hutch stats`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/errors/exit-codes.ts';
import type { ContainerStats } from '../src/engine/container/container-stats.ts';
import { badValue } from '../src/engine/container/parse-values.ts';
import { watchStats } from '../src/engine/container/watch-stats.ts';

/** Shares of processor time are known between two looks; ticks of the clock make them coarse when those are close. */
const ONCE_MS = 1000;

export default class Stats extends HutchCommand {
  static override description = `Shows what containers use, again and again until Ctrl-C: those that run, or those that are named. CPU % is of one processor.
What cannot be known is shown as --, never as a zero. --format json gives numbers besides: throttling, peak and swap, memory.events, pressure (PSI), each device.`;
  static override examples = [
    '<%= config.bin %> stats',
    '<%= config.bin %> stats --no-stream web db',
    "<%= config.bin %> stats --no-stream --format '{{.Name}} {{.CPUPerc}} {{.Memory.PeakBytes}}'",
    "<%= config.bin %> stats --no-stream --format json web | jq '.[0].CPU.ThrottledPeriods'",
  ];
  static override args = { containers: Args.string({ multiple: true, description: 'names or ids' }) };
  static override flags = {
    all: Flags.boolean({ char: 'a', description: 'also those that do not run' }),
    interval: Flags.string({ char: 'i', default: '1', description: 'seconds between two looks' }),
    'no-reset': Flags.boolean({ description: 'do not clear the screen, print one below the other' }),
    'no-stream': Flags.boolean({ description: 'look once, over a second' }),
    'no-trunc': Flags.boolean({ description: 'do not shorten ids' }),
    format: Flags.string({ description: 'table, json, or a Go template such as {{.CPUPerc}}' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Stats);
    const intervalMs = parseInterval(flags.interval);
    const picture = await painter(flags.format, { isWhole: flags['no-trunc'] });
    // A bad template is refused before a second has gone by.
    picture([]);
    const { canRedraw, openScreen } = await import('../src/cli/live-screen.ts');
    const isOnce = flags['no-stream'];
    const redraws = !isOnce && !flags['no-reset'] && canRedraw();
    using screen = openScreen({ redraws });
    using interrupt = untilInterrupted();
    const options = { words: args.containers ?? [], all: flags.all, isOnce, signal: interrupt.signal };
    let told = '';
    for await (const rows of watchStats({ ...options, intervalMs: isOnce ? ONCE_MS : intervalMs })) {
      const { lines, notes } = picture(rows);
      screen.show(lines, notes);
      if (redraws || notes.join('\n') === told) continue;
      told = notes.join('\n');
      for (const note of notes) this.note(note);
    }
    return EXIT_OK;
  }
}

type Picture = (rows: readonly ContainerStats[]) => { readonly lines: string[]; readonly notes: readonly string[] };

/** How a look becomes lines. Only the table has notes: JSON says the same in its fields. */
async function painter(format: string | undefined, options: { readonly isWhole: boolean }): Promise<Picture> {
  const [{ formatRows }, { statsColumns, statsJson, statsNotes }] = await Promise.all([
    import('../src/cli/format/format-rows.ts'),
    import('../src/cli/stats-rows.ts'),
  ]);
  const isTable = format === undefined || format.startsWith('table');
  return (rows) => {
    const text = formatRows(rows, { columns: statsColumns(options), format, json: statsJson });
    return { lines: text === '' ? [] : text.split('\n'), notes: isTable ? statsNotes(rows) : [] };
  };
}

/** As with docker, Ctrl-C is how it is meant to end: with success. */
function untilInterrupted(): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const end = (): void => {
    controller.abort();
  };
  process.on('SIGINT', end);
  return { signal: controller.signal, [Symbol.dispose]: () => void process.off('SIGINT', end) };
}

function parseInterval(text: string): number {
  const seconds = /^\d{1,5}(?:\.\d{1,3})?$/u.test(text) ? Number(text) : 0;
  if (seconds < 0.1) throw badValue('--interval', text, 'seconds from 0.1 on, such as 2 or 0.5');
  return seconds * 1000;
}
