/** `hutch network rm`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../../src/cli/base-command.ts';
import { forEachContainer } from '../../src/cli/for-each-container.ts';
import { removeUserNetwork } from '../../src/engine/network/remove-network.ts';

export default class NetworkRm extends HutchCommand {
  static override description = 'Removes networks that no container is on, and prints what they were called by.';
  static override examples = ['<%= config.bin %> network rm web', '<%= config.bin %> network rm -f lab db'];
  static override args = {
    network: Args.string({ required: true, multiple: true, description: 'names or ids' }),
  };
  static override flags = {
    force: Flags.boolean({
      char: 'f',
      description: 'end and remove the containers that are on them; one that is not there is no error',
    }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(NetworkRm);
    const remove = async (word: string): Promise<void> => {
      await removeUserNetwork(word, { force: flags.force });
      this.print(word);
    };
    return forEachContainer(args.network, remove, flags.force ? 'tell' : 'fail');
  }
}
