/** `hutch container prune`: runs in the CLI process. */
import { Flags, HutchCommand } from '../../src/cli/base-command.ts';
import { confirm } from '../../src/cli/confirm.ts';
import { EXIT_OK } from '../../src/errors/exit-codes.ts';
import { checkPruneFilters } from '../../src/engine/prune-filter.ts';
import { pruneContainers } from '../../src/engine/container/prune-containers.ts';

export default class ContainerPrune extends HutchCommand {
  static override description =
    'Removes all containers that have ended or were never started, with everything they have written.';
  static override examples = [
    '<%= config.bin %> container prune -f',
    '<%= config.bin %> container prune --filter until=24h --filter label!=keep',
  ];
  static override flags = {
    force: Flags.boolean({ char: 'f', description: 'do not ask' }),
    filter: Flags.string({ multiple: true, description: 'until=24h, label=KEY[=VALUE] or label!=KEY[=VALUE]' }),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(ContainerPrune);
    checkPruneFilters(flags.filter);
    if (!flags.force && !confirm('This removes all containers that do not run. Go ahead?')) return EXIT_OK;
    const { humanSize } = await import('../../src/cli/format/human.ts');
    const { removed, freedBytes } = await pruneContainers(flags.filter);
    if (removed.length > 0) this.print(['Deleted Containers:', ...removed, ''].join('\n'));
    this.print(`Total reclaimed space: ${humanSize(freedBytes)}`);
    return EXIT_OK;
  }
}
