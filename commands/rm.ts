/** `hutch rm`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../src/cli/base-command.ts';
import { forEachContainer } from '../src/cli/for-each-container.ts';
import { removeContainer } from '../src/engine/container/remove-container.ts';

export default class Rm extends HutchCommand {
  static override description = 'Removes containers with everything they have written. Images and volumes stay.';
  static override examples = ['<%= config.bin %> rm web', '<%= config.bin %> rm -f web db'];
  static override args = {
    container: Args.string({ required: true, multiple: true, description: 'name, id, or the beginning of an id' }),
  };
  static override flags = {
    force: Flags.boolean({ char: 'f', description: 'end a running container first' }),
    volumes: Flags.boolean({ char: 'v', description: 'also its volumes without a name, as soon as there are any' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Rm);
    return forEachContainer(args.container, async (word) => {
      this.print(await removeContainer(word, { force: flags.force }));
    });
  }
}
