/** `hutch unpause`: runs in the CLI process. */
import { Args, HutchCommand } from '../src/cli/base-command.ts';
import { forEachContainer } from '../src/cli/for-each-container.ts';
import { pauseContainer } from '../src/engine/container/pause-container.ts';

export default class Unpause extends HutchCommand {
  static override description = 'Lets paused containers go on.';
  static override examples = ['<%= config.bin %> unpause web'];
  static override args = {
    container: Args.string({ required: true, multiple: true, description: 'name, id, or the beginning of an id' }),
  };
  static override flags = {};

  async run(): Promise<number> {
    const { args } = await this.parse(Unpause);
    return forEachContainer(args.container, async (word) => {
      await pauseContainer(word, 'unpaused');
      this.print(word);
    });
  }
}
