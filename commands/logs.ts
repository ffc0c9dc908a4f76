/** `hutch logs`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/cli/exit-codes.ts';
import { writeBytes } from '../src/cli/output.ts';
import { containerLogs, type LogEntry } from '../src/engine/container/container-logs.ts';
import { parseTail } from '../src/engine/container/parse-tail.ts';

export default class Logs extends HutchCommand {
  static override description = 'Prints what a container has written: its stdout on stdout, its stderr on stderr.';
  static override examples = ['<%= config.bin %> logs web', '<%= config.bin %> logs -f --tail 20 web'];
  static override args = {
    container: Args.string({ required: true, description: 'name, id, or the beginning of an id' }),
  };
  static override flags = {
    follow: Flags.boolean({ char: 'f', description: 'go on until the container has ended' }),
    tail: Flags.string({ char: 'n', default: 'all', description: 'only the last N lines' }),
    timestamps: Flags.boolean({ char: 't', description: 'put its time before each line' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Logs);
    const options = { follow: flags.follow, tail: parseTail(flags.tail) };
    await containerLogs(args.container, options, (entries) => {
      for (const { stream, bytes } of runsOf(entries, flags.timestamps)) writeBytes(stream, bytes);
    });
    return EXIT_OK;
  }
}

/** Neighbours of one stream together: a write for each line would take longer than everything else. */
function runsOf(entries: readonly LogEntry[], hasTimes: boolean): { stream: LogEntry['stream']; bytes: Buffer }[] {
  const runs: { stream: LogEntry['stream']; texts: string[] }[] = [];
  for (const { stream, time, text } of entries) {
    const last = runs.at(-1);
    const shown = hasTimes ? `${time} ${text}` : text;
    if (last?.stream === stream) last.texts.push(shown);
    else runs.push({ stream, texts: [shown] });
  }
  return runs.map(({ stream, texts }) => ({ stream, bytes: Buffer.from(texts.join(''), 'latin1') }));
}
