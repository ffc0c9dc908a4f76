/** `hutch pause`: runs in the CLI process. */
import { Args, HutchCommand } from '../src/cli/base-command.ts';
import { forEachContainer } from '../src/cli/for-each-container.ts';
import { pauseContainer } from '../src/engine/container/pause-container.ts';

export default class Pause extends HutchCommand {
  static override description =
    'Holds all processes of containers where they are, by the freezer of their cgroup. They keep their memory and use no processor time; unpause lets them go on.';
  static override examples = ['<%= config.bin %> pause web'];
  static override args = {
    container: Args.string({ required: true, multiple: true, description: 'name, id, or the beginning of an id' }),
  };
  static override flags = {};

  async run(): Promise<number> {
    const { args } = await this.parse(Pause);
    return forEachContainer(args.container, async (word) => {
      await pauseContainer(word, 'paused');
      this.print(word);
    });
  }
}
