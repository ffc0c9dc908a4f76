/** `hutch logs`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../src/cli/base-command.ts';
import { chooseContainer, LATEST_FLAG } from '../src/cli/choose-containers.ts';
import { EXIT_OK } from '../src/errors/exit-codes.ts';
import { isOneOutput, writeBytes } from '../src/cli/output.ts';
import { containerLogs } from '../src/engine/container/container-logs.ts';
import { parseMoment } from '../src/engine/parse-moment.ts';
import { parseTail } from '../src/engine/container/parse-tail.ts';

export default class Logs extends HutchCommand {
  static override description = `Prints what a container has written: its stdout on stdout, its stderr on stderr.

--since and --until take a time such as 2026-01-31T12:00:00Z, seconds since 1970, or how long ago: 90s, 1h30m.`;
  static override examples = [
    '<%= config.bin %> logs web',
    '<%= config.bin %> logs -f --tail 20 web',
    '<%= config.bin %> logs -t --since 10m web',
  ];
  static override args = {
    container: Args.string({ description: 'name, id, or the beginning of an id; none with --latest' }),
  };
  static override flags = {
    ...LATEST_FLAG,
    details: Flags.boolean({ description: 'put before each line what --log-opt names of its labels and environment' }),
    names: Flags.boolean({ hidden: true, description: 'for logs of several containers at once' }),
    follow: Flags.boolean({ char: 'f', description: 'go on until the container has ended' }),
    since: Flags.string({ description: 'only what was written from then on' }),
    tail: Flags.string({ char: 'n', default: 'all', description: 'only the last N lines' }),
    timestamps: Flags.boolean({ char: 't', description: 'put its time before each line' }),
    until: Flags.string({ description: 'only what was written up to then' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Logs);
    const { details, follow, timestamps, since, until } = flags;
    const options = {
      details,
      follow,
      timestamps,
      tail: parseTail(flags.tail),
      sinceMs: since === undefined ? null : parseMoment('--since', since),
      untilMs: until === undefined ? null : parseMoment('--until', until),
      together: isOneOutput(),
    };
    const { container } = await chooseContainer('logs', { latest: flags.latest, words: [args.container], most: 0 });
    await containerLogs(container, options, writeBytes);
    return EXIT_OK;
  }
}
