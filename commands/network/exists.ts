/** `hutch network exists`: runs in the CLI process. */
import { Args, HutchCommand } from '../../src/cli/base-command.ts';
import { EXIT_OK } from '../../src/errors/exit-codes.ts';
import { isUserNetwork } from '../../src/engine/network/list-networks.ts';

export default class NetworkExists extends HutchCommand {
  static override description = 'Ends with 0 when there is such a network, else with 1.';
  static override examples = ['<%= config.bin %> network exists web || <%= config.bin %> network create web'];
  static override args = {
    network: Args.string({ required: true, description: 'name or id' }),
  };

  async run(): Promise<number> {
    const { args } = await this.parse(NetworkExists);
    return isUserNetwork(args.network) ? EXIT_OK : 1;
  }
}
