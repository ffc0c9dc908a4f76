/** `hutch history`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/cli/exit-codes.ts';
import { imageHistory, type HistoryStep } from '../src/engine/image/image-history.ts';

const SHORT_ID = 12;
const SHORT_COMMAND = 45;

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
    format: Flags.string({ description: 'json, or a Go template such as {{.CreatedBy}}' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(History);
    const isWhole = flags['no-trunc'];
    const idOf = ({ id }: HistoryStep): string => {
      if (id === null) return '<missing>';
      return isWhole ? id : id.replace(/^sha256:/u, '').slice(0, SHORT_ID);
    };
    const steps = imageHistory(args.image);
    if (flags.quiet) {
      for (const step of steps) this.print(idOf(step));
      return EXIT_OK;
    }
    const { formatRows } = await import('../src/cli/format/format-rows.ts');
    const { humanSince, humanSize } = await import('../src/cli/format/human.ts');
    const shortened = (text: string): string => {
      const line = text.replace(/\s+/gu, ' ').trim();
      return isWhole || line.length <= SHORT_COMMAND ? line : `${line.slice(0, SHORT_COMMAND - 1)}…`;
    };
    const text = formatRows(steps, {
      format: flags.format,
      columns: [
        { name: 'ID', header: 'IMAGE', text: idOf },
        {
          name: 'CreatedSince',
          header: 'CREATED',
          text: ({ created }) => (created === null ? 'N/A' : humanSince(created)),
        },
        { name: 'CreatedAt', header: 'CREATED AT', text: ({ created }) => created ?? 'N/A', isShown: false },
        { name: 'CreatedBy', header: 'CREATED BY', text: ({ createdBy }) => shortened(createdBy) },
        { name: 'Size', header: 'SIZE', text: ({ sizeBytes }) => humanSize(sizeBytes) },
        { name: 'Comment', header: 'COMMENT', text: ({ comment }) => comment },
      ],
    });
    if (text !== '') this.print(text);
    return EXIT_OK;
  }
}
