/** `hutch unpause`: runs in the CLI process. */
import { Args, HutchCommand } from '../src/cli/base-command.ts';
import { forEachContainer } from '../src/cli/for-each-container.ts';
import { pauseContainer } from '../src/engine/container/pause-container.ts';

export default class Unpause extends HutchCommand {
  static override description =
    'Would let paused containers go on. As this version cannot pause any, it says that there is nothing to do, with exit code 125.';
  static override examples = ['<%= config.bin %> unpause web'];
  static override args = {
    container: Args.string({ required: true, multiple: true, description: 'name, id, or the beginning of an id' }),
  };
  static override flags = {};

  async run(): Promise<number> {
    const { args } = await this.parse(Unpause);
    return forEachContainer(args.container, (word) => Promise.resolve().then(() => pauseContainer(word, 'unpaused')));
  }
}
