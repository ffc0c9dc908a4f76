/** `hutch wait`: runs in the CLI process. */
import { HutchCommand } from '../src/cli/base-command.ts';
import { CHOICE_FLAGS, chooseContainers, CONTAINERS, IGNORE_FLAG } from '../src/cli/choose-containers.ts';
import { forEachContainer } from '../src/cli/for-each-container.ts';
import { waitForContainer } from '../src/engine/container/stop-container.ts';

export default class Wait extends HutchCommand {
  static override description = 'Waits until containers have ended, and prints their exit codes.';
  static override examples = ['<%= config.bin %> wait job'];
  static override args = CONTAINERS;
  static override flags = { ...CHOICE_FLAGS, ...IGNORE_FLAG };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Wait);
    const { words, ifGone } = await chooseContainers('wait', { ...args, ...flags });
    return forEachContainer(
      words,
      async (word) => {
        this.print(String(await waitForContainer(word)));
      },
      flags.ignore ? 'ignore' : ifGone,
    );
  }
}
