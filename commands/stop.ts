/** `hutch stop`: runs in the CLI process. */
import { Args, HutchCommand } from '../src/cli/base-command.ts';
import { forEachContainer } from '../src/cli/for-each-container.ts';
import { STOP_FLAGS, stopOptions } from '../src/cli/stop-flags.ts';
import { stopContainer } from '../src/engine/container/stop-container.ts';

export default class Stop extends HutchCommand {
  static override description =
    'Asks containers to end by their stop signal (TERM, if nothing else is said), and kills those that have not by the end of the time.';
  static override examples = ['<%= config.bin %> stop web', '<%= config.bin %> stop -t 1 web db'];
  static override args = {
    container: Args.string({ required: true, multiple: true, description: 'name, id, or the beginning of an id' }),
  };
  static override flags = STOP_FLAGS;

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Stop);
    const options = stopOptions(flags);
    return forEachContainer(args.container, async (word) => {
      await stopContainer(word, options);
      this.print(word);
    });
  }
}
