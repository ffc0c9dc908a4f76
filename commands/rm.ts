/** `hutch rm`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK, exitCodeOf } from '../src/cli/exit-codes.ts';
import { presentError } from '../src/cli/present-error.ts';
import { removeContainer } from '../src/engine/container/remove-container.ts';

export default class Rm extends HutchCommand {
  static override description = 'Removes containers with everything they have written. Images and volumes stay.';
  static override examples = ['<%= config.bin %> rm web', '<%= config.bin %> rm -f web db'];
  static override args = {
    container: Args.string({ required: true, multiple: true, description: 'name, id, or the beginning of an id' }),
  };
  static override flags = { force: Flags.boolean({ char: 'f', description: 'end a running container first' }) };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Rm);
    let code: number = EXIT_OK;
    for (const word of args.container) {
      try {
        this.print(await removeContainer(word, { force: flags.force }));
      } catch (error) {
        presentError(error);
        code = exitCodeOf(error);
      }
    }
    return code;
  }
}
