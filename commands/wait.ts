/** `hutch wait`: runs in the CLI process. */
import { Args, HutchCommand } from '../src/cli/base-command.ts';
import { forEachContainer } from '../src/cli/for-each-container.ts';
import { waitForContainer } from '../src/engine/container/stop-container.ts';

export default class Wait extends HutchCommand {
  static override description = 'Waits until containers have ended, and prints their exit codes.';
  static override examples = ['<%= config.bin %> wait job'];
  static override args = {
    container: Args.string({ required: true, multiple: true, description: 'name, id, or the beginning of an id' }),
  };

  async run(): Promise<number> {
    const { args } = await this.parse(Wait);
    return forEachContainer(args.container, async (word) => {
      this.print(String(await waitForContainer(word)));
    });
  }
}
