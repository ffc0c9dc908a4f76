/** `hutch network prune`: runs in the CLI process. */
import { Flags, HutchCommand } from '../../src/cli/base-command.ts';
import { confirm } from '../../src/cli/confirm.ts';
import { EXIT_OK } from '../../src/errors/exit-codes.ts';
import { checkPruneFilters } from '../../src/engine/prune-filter.ts';
import { pruneNetworks } from '../../src/engine/network/remove-network.ts';

export default class NetworkPrune extends HutchCommand {
  static override description = 'Removes all networks that no container is on, whether those run or not.';
  static override examples = [
    '<%= config.bin %> network prune -f',
    '<%= config.bin %> network prune --filter until=24h --filter label!=keep',
  ];
  static override flags = {
    force: Flags.boolean({ char: 'f', description: 'do not ask' }),
    filter: Flags.string({ multiple: true, description: 'until=24h, label=KEY[=VALUE] or label!=KEY[=VALUE]' }),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(NetworkPrune);
    checkPruneFilters(flags.filter);
    if (!flags.force && !confirm('This removes all networks that no container is on. Go ahead?')) return EXIT_OK;
    const removed = await pruneNetworks(flags.filter);
    if (removed.length > 0) this.print(['Deleted Networks:', ...removed].join('\n'));
    return EXIT_OK;
  }
}
