/** `hutch restart`: runs in the CLI process. */
import { Flags, HutchCommand } from '../src/cli/base-command.ts';
import { CHOICE_FLAGS, chooseContainers, CONTAINERS } from '../src/cli/choose-containers.ts';
import { forEachContainer } from '../src/cli/for-each-container.ts';
import { STOP_FLAGS, stopOptions } from '../src/cli/stop-flags.ts';
import { restartContainer } from '../src/engine/container/restart-container.ts';

export default class Restart extends HutchCommand {
  static override description = 'Stops containers as stop does, if they run, and starts them.';
  static override examples = ['<%= config.bin %> restart -t 2 web'];
  static override args = CONTAINERS;
  static override flags = {
    ...CHOICE_FLAGS,
    ...STOP_FLAGS,
    running: Flags.boolean({ description: 'those that run' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Restart);
    const options = stopOptions(flags);
    const all = flags.all || flags.running;
    const { words, ifGone } = await chooseContainers(flags.running ? 'stop' : 'restart', { ...args, ...flags, all });
    return forEachContainer(
      words,
      async (word) => {
        await restartContainer(word, options);
        this.print(word);
      },
      ifGone,
    );
  }
}
