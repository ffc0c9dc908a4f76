/** `hutch history`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/errors/exit-codes.ts';
import { imageHistory, type HistoryStep } from '../src/engine/image/image-history.ts';

const SHORT_ID = 12;
const SHORT_COMMAND = 45;
/** The ids of all steps but the last are known to nobody. */
const MISSING = '<missing>';

export default class History extends HutchCommand {
  static override summary = 'Show how an image came about';
  static override examples = [
    '<%= config.bin %> history busybox',
    "<%= config.bin %> history --no-trunc --format '{{.CreatedBy}}' busybox",
  ];
  static override args = { image: Args.string({ required: true, description: 'name or id' }) };
  static override flags = {
    quiet: Flags.boolean({ char: 'q', description: 'print ids only' }),
    'no-trunc': Flags.boolean({ description: 'do not shorten ids and commands' }),
    human: Flags.boolean({ char: 'H', default: true, description: 'false shows bytes, and times as RFC 3339' }),
    format: Flags.string({ description: 'json, or a Go template such as {{.CreatedBy}}' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(History);
    const isWhole = flags['no-trunc'];
    const idOf = ({ id }: HistoryStep): string => {
      if (id === null) return MISSING;
      return isWhole ? id : id.replace(/^sha256:/u, '').slice(0, SHORT_ID);
    };
    const steps = imageHistory(args.image);
    if (flags.quiet) {
      for (const step of steps) this.print(idOf(step));
      return EXIT_OK;
    }
    const { formatRows } = await import('../src/cli/format/format-rows.ts');
    const { createdColumns } = await import('../src/cli/format/created-columns.ts');
    const { humanSince, humanSize } = await import('../src/cli/format/human.ts');
    const shortened = (text: string): string => {
      const line = text.replace(/\s+/gu, ' ').trim();
      return isWhole || line.length <= SHORT_COMMAND ? line : `${line.slice(0, SHORT_COMMAND - 1)}…`;
    };
    const text = formatRows(steps, {
      format: flags.format,
      json: jsonOf,
      columns: [
        { name: 'ID', header: 'IMAGE', text: idOf },
        ...createdColumns<HistoryStep>((created) => (flags.human ? humanSince(created) : created)),
        { name: 'CreatedBy', header: 'CREATED BY', text: ({ createdBy }) => shortened(createdBy) },
        {
          name: 'Size',
          header: 'SIZE',
          text: ({ sizeBytes }) => (flags.human ? humanSize(sizeBytes) : String(sizeBytes)),
        },
        { name: 'Comment', header: 'COMMENT', text: ({ comment }) => comment },
      ],
    });
    if (text !== '') this.printForeign(text);
    return EXIT_OK;
  }
}

/** A step in the words of `podman history --format json`. */
function jsonOf({ id, created, createdBy, sizeBytes, comment }: HistoryStep): object {
  return { id: id ?? MISSING, created, CreatedBy: createdBy, size: sizeBytes, comment };
}
