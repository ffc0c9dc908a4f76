/** `hutch pause`: runs in the CLI process. */
import { Args, HutchCommand } from '../src/cli/base-command.ts';
import { forEachContainer } from '../src/cli/for-each-container.ts';
import { pauseContainer } from '../src/engine/container/pause-container.ts';

export default class Pause extends HutchCommand {
  static override description =
    'Would hold all processes of containers. That takes the freezer of a cgroup, and this version gives containers none: it says so, with exit code 125.';
  static override examples = ['<%= config.bin %> pause web'];
  static override args = {
    container: Args.string({ required: true, multiple: true, description: 'name, id, or the beginning of an id' }),
  };
  static override flags = {};

  async run(): Promise<number> {
    const { args } = await this.parse(Pause);
    return forEachContainer(args.container, (word) => Promise.resolve().then(() => pauseContainer(word, 'paused')));
  }
}
