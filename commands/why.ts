/** `hutch why`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/errors/exit-codes.ts';
import { whyContainer } from '../src/engine/container/why-container.ts';

export default class Why extends HutchCommand {
  static override description = `Says on one screen why a container has ended: its exit code or signal and who sent that, lack of memory, its session or monitor
that went, its restarts, and what it wrote last. Of a removed container it says what is still on record.`;
  static override examples = ['<%= config.bin %> why web', '<%= config.bin %> why --json web'];
  static override args = {
    container: Args.string({ required: true, description: 'name, id, or the beginning of an id' }),
  };
  static override flags = {
    json: Flags.boolean({ description: 'as JSON' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Why);
    const report = whyContainer(args.container);
    const { whyText } = await import('../src/cli/why-text.ts');
    this.print(flags.json ? JSON.stringify(report, undefined, 2) : whyText(report));
    return EXIT_OK;
  }
}
