/** `hutch unpause`: runs in the CLI process. */
import { HutchCommand } from '../src/cli/base-command.ts';
import { CHOICE_FLAGS, chooseContainers, CONTAINERS } from '../src/cli/choose-containers.ts';
import { forEachContainer } from '../src/cli/for-each-container.ts';
import { pauseContainer } from '../src/engine/container/pause-container.ts';

export default class Unpause extends HutchCommand {
  static override description = 'Lets paused containers go on.';
  static override examples = ['<%= config.bin %> unpause web'];
  static override args = CONTAINERS;
  static override flags = CHOICE_FLAGS;

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Unpause);
    const { words, ifGone } = await chooseContainers('unpause', { ...args, ...flags });
    return forEachContainer(
      words,
      async (word) => {
        await pauseContainer(word, 'unpaused');
        this.print(word);
      },
      ifGone,
    );
  }
}
