/** `hutch network create`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../../src/cli/base-command.ts';
import { EXIT_OK } from '../../src/errors/exit-codes.ts';
import { IDLE_CREATE_FLAGS, REFUSED_CREATE_FLAGS, refuseNetworkFlags } from '../../src/cli/refused-network-flags.ts';
import { createNetwork } from '../../src/engine/network/create-network.ts';

export default class NetworkCreate extends HutchCommand {
  static override description =
    'Makes a network, and prints its name. Containers that are put on it with --network reach each other by address and by name, and the outside; those of other networks they do not reach. Nothing runs for it before a container on it does.';
  static override examples = [
    '<%= config.bin %> network create web',
    '<%= config.bin %> network create --internal db',
    '<%= config.bin %> network create --ipv6 both',
    '<%= config.bin %> network create --subnet 10.90.0.0/24 --subnet fd12:3456:789a::/64 both',
    '<%= config.bin %> network create --subnet 10.90.0.0/24 --ip-range 10.90.0.128/25 --label team=a lab',
  ];
  static override args = {
    network: Args.string({ required: true, description: 'its name' }),
  };
  static override flags = {
    ...REFUSED_CREATE_FLAGS,
    ...IDLE_CREATE_FLAGS,
    driver: Flags.string({ char: 'd', description: 'bridge, the only kind that needs no privilege' }),
    gateway: Flags.string({
      multiple: true,
      description: 'address of the way out and of the name server; the first of the subnet',
    }),
    ignore: Flags.boolean({ description: 'a network of that name is no error' }),
    internal: Flags.boolean({ description: 'its containers reach each other and nothing else' }),
    'ip-range': Flags.string({
      multiple: true,
      description: 'give out addresses of this part of the subnet only; once more for IPv6',
    }),
    ipv6: Flags.boolean({
      description: 'give its containers IPv6 too: a random subnet of fd00::/8, unless --subnet names one',
    }),
    label: Flags.string({ multiple: true, description: 'KEY=VALUE to keep with the network' }),
    subnet: Flags.string({
      multiple: true,
      description: 'its addresses, such as 10.90.0.0/24; else a free one of 10.89.0.0/16. Once more for IPv6',
    }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(NetworkCreate);
    refuseNetworkFlags(flags);
    const { name } = await createNetwork({
      name: args.network,
      driver: flags.driver,
      subnets: flags.subnet ?? [],
      gateways: flags.gateway ?? [],
      ipRanges: flags['ip-range'] ?? [],
      internal: flags.internal,
      ipv6: flags.ipv6,
      labels: flags.label ?? [],
      ignore: flags.ignore,
    });
    this.print(name);
    return EXIT_OK;
  }
}
