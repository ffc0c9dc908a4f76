/** `hutch restart`: runs in the CLI process. */
import { Args, HutchCommand } from '../src/cli/base-command.ts';
import { forEachContainer } from '../src/cli/for-each-container.ts';
import { STOP_FLAGS, stopOptions } from '../src/cli/stop-flags.ts';
import { restartContainer } from '../src/engine/container/stop-container.ts';

export default class Restart extends HutchCommand {
  static override description = 'Stops containers as stop does, if they run, and starts them.';
  static override examples = ['<%= config.bin %> restart -t 2 web'];
  static override args = {
    container: Args.string({ required: true, multiple: true, description: 'name, id, or the beginning of an id' }),
  };
  static override flags = STOP_FLAGS;

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Restart);
    const options = stopOptions(flags);
    return forEachContainer(args.container, async (word) => {
      await restartContainer(word, options);
      this.print(word);
    });
  }
}
