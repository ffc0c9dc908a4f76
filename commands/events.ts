/** `hutch events`: runs in the CLI process. */
import { Flags, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/errors/exit-codes.ts';
import { parseEventFilter } from '../src/engine/container/event-filter.ts';
import { parseMoment } from '../src/engine/parse-moment.ts';
import { watchEvents } from '../src/engine/container/watch-events.ts';

export default class Events extends HutchCommand {
  static override description = `Prints what happens to containers and networks, from now on until it is stopped; with --since also what has happened since then, and with
--until no later than then.`;
  static override examples = [
    '<%= config.bin %> events',
    '<%= config.bin %> events --since 1h --until 0s --filter event=die',
    "<%= config.bin %> events --filter container=web --format '{{.Time}} {{.Status}}'",
  ];
  static override flags = {
    filter: Flags.string({
      char: 'f',
      multiple: true,
      description: 'only those of container=, network=, event=, image=, label=KEY[=VALUE] or type=',
    }),
    format: Flags.string({ description: 'json (an object for each line), or a Go template such as {{.Action}}' }),
    'no-trunc': Flags.boolean({ default: true, description: '--no-trunc=false shortens ids' }),
    since: Flags.string({ description: 'from then on: a time, seconds since 1970, or how long ago' }),
    stream: Flags.boolean({ default: true, description: 'go on; --stream=false shows what is on record' }),
    until: Flags.string({ description: 'end then' }),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Events);
    const { since, until, stream, format } = flags;
    const options = {
      sinceMs: since === undefined ? null : parseMoment('--since', since),
      untilMs: until === undefined ? null : parseMoment('--until', until),
      stream,
      isWanted: parseEventFilter(flags.filter ?? []),
    };
    const { eventFormatter } = await import('../src/cli/event-format.ts');
    const text = eventFormatter(format);
    await watchEvents(options, (event) => {
      this.print(text(flags['no-trunc'] ? event : { ...event, id: event.id.slice(0, 12) }));
    });
    return EXIT_OK;
  }
}
