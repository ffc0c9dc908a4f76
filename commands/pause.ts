/** `hutch pause`: runs in the CLI process. */
import { HutchCommand } from '../src/cli/base-command.ts';
import { CHOICE_FLAGS, chooseContainers, CONTAINERS } from '../src/cli/choose-containers.ts';
import { forEachContainer } from '../src/cli/for-each-container.ts';
import { pauseContainer } from '../src/engine/container/pause-container.ts';

export default class Pause extends HutchCommand {
  static override description =
    'Holds all processes of containers where they are, by the freezer of their cgroup. They keep their memory and use no processor time; unpause lets them go on.';
  static override examples = ['<%= config.bin %> pause web'];
  static override args = CONTAINERS;
  static override flags = CHOICE_FLAGS;

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Pause);
    const { words, ifGone } = await chooseContainers('pause', { ...args, ...flags });
    return forEachContainer(
      words,
      async (word) => {
        await pauseContainer(word, 'paused');
        this.print(word);
      },
      ifGone,
    );
  }
}
