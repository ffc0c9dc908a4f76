/** `hutch rename`: runs in the CLI process. */
import { Args, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/errors/exit-codes.ts';
import { renameContainer } from '../src/engine/container/rename-container.ts';

export default class Rename extends HutchCommand {
  static override description = 'Gives a container another name, also while it runs.';
  static override examples = ['<%= config.bin %> rename web old-web'];
  static override args = {
    container: Args.string({ required: true, description: 'name, id, or the beginning of an id' }),
    name: Args.string({ required: true, description: 'the new name' }),
  };

  async run(): Promise<number> {
    const { args } = await this.parse(Rename);
    await renameContainer(args.container, args.name);
    return EXIT_OK;
  }
}
