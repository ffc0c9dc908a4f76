/** `hutch kill`: runs in the CLI process. */
import { Flags, HutchCommand } from '../src/cli/base-command.ts';
import { CHOICE_FLAGS, chooseContainers, CONTAINERS } from '../src/cli/choose-containers.ts';
import { forEachContainer } from '../src/cli/for-each-container.ts';
import { killContainer } from '../src/engine/container/stop-container.ts';

export default class Kill extends HutchCommand {
  static override description =
    'Sends a signal to the command of containers. Being process 1, it gets only those that it has a handler for, and KILL and STOP.';
  static override examples = ['<%= config.bin %> kill web', '<%= config.bin %> kill -s HUP web'];
  static override args = CONTAINERS;
  static override flags = {
    ...CHOICE_FLAGS,
    signal: Flags.string({ char: 's', default: 'KILL', description: 'signal, by name or number' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Kill);
    const { words, ifGone } = await chooseContainers('kill', { ...args, ...flags });
    return forEachContainer(
      words,
      async (word) => {
        await killContainer(word, flags.signal);
        this.print(word);
      },
      ifGone,
    );
  }
}
