/** `hutch stop`: runs in the CLI process. */
import { HutchCommand } from '../src/cli/base-command.ts';
import { CHOICE_FLAGS, chooseContainers, CONTAINERS, IGNORE_FLAG } from '../src/cli/choose-containers.ts';
import { forEachContainer } from '../src/cli/for-each-container.ts';
import { STOP_FLAGS, stopOptions } from '../src/cli/stop-flags.ts';
import { stopContainer } from '../src/engine/container/stop-container.ts';

export default class Stop extends HutchCommand {
  static override description =
    'Asks containers to end by their stop signal (TERM, if nothing else is said), and kills those that have not by the end of the time.';
  static override examples = ['<%= config.bin %> stop web', '<%= config.bin %> stop -t 1 web db'];
  static override args = CONTAINERS;
  static override flags = { ...CHOICE_FLAGS, ...IGNORE_FLAG, ...STOP_FLAGS };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Stop);
    const options = stopOptions(flags);
    const { words, ifGone } = await chooseContainers('stop', { ...args, ...flags });
    return forEachContainer(
      words,
      async (word) => {
        await stopContainer(word, options);
        this.print(word);
      },
      flags.ignore ? 'ignore' : ifGone,
    );
  }
}
