/** `hutch network connect`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../../src/cli/base-command.ts';
import { EXIT_OK } from '../../src/errors/exit-codes.ts';
import { REFUSED_CONNECT_FLAGS, refuseNetworkFlags } from '../../src/cli/refused-network-flags.ts';
import { connectContainer } from '../../src/engine/network/connect-container.ts';

export default class NetworkConnect extends HutchCommand {
  static override description =
    'Puts a container on one more network, also while it runs: it gets another device, and the names of that network. It must have been made with a network of this kind (--network NAME).';
  static override examples = [
    '<%= config.bin %> network connect db web',
    '<%= config.bin %> network connect --alias api --ip 10.89.1.7 db web',
  ];
  static override args = {
    network: Args.string({ required: true, description: 'name or id' }),
    container: Args.string({ required: true, description: 'name, id, or the beginning of an id' }),
  };
  static override flags = {
    ...REFUSED_CONNECT_FLAGS,
    alias: Flags.string({ multiple: true, description: 'one more name of the container there' }),
    ip: Flags.string({ description: 'its address there' }),
    ip6: Flags.string({ description: 'its IPv6 address there' }),
    'mac-address': Flags.string({ description: 'its hardware address there' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(NetworkConnect);
    refuseNetworkFlags(flags);
    const { alias = [], ip, ip6 } = flags;
    await connectContainer({ ...args, aliases: alias, ip, ip6, mac: flags['mac-address'] });
    return EXIT_OK;
  }
}
