/** `hutch system prune`: runs in the CLI process. */
import { Flags, HutchCommand } from '../../src/cli/base-command.ts';
import { confirm } from '../../src/cli/confirm.ts';
import { EXIT_OK } from '../../src/errors/exit-codes.ts';
import { pruneSystem } from '../../src/engine/system/prune-system.ts';

export default class SystemPrune extends HutchCommand {
  static override description =
    'Removes containers that do not run, networks that no container is on then, images without a name (with --all: all that no container was made from), and what killed commands have left.';
  static override examples = [
    '<%= config.bin %> system prune -f',
    '<%= config.bin %> system prune -a --filter until=72h',
  ];
  static override flags = {
    all: Flags.boolean({ char: 'a', description: 'also images with names' }),
    force: Flags.boolean({ char: 'f', description: 'do not ask' }),
    volumes: Flags.boolean({ description: 'also volumes that no container uses, as soon as there are any' }),
    filter: Flags.string({ multiple: true, description: 'until=24h, label=KEY[=VALUE] or label!=KEY[=VALUE]' }),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(SystemPrune);
    const images = flags.all ? 'all images that no other container was made from' : 'all images without a name';
    if (
      !flags.force &&
      !confirm(
        `This removes all containers that do not run, networks that no container is on, and ${images}. Go ahead?`,
      )
    ) {
      return EXIT_OK;
    }
    const { humanSize } = await import('../../src/cli/format/human.ts');
    const {
      containers,
      networks,
      images: pruned,
      freedBytes,
    } = await pruneSystem({ all: flags.all, filters: flags.filter });
    if (containers.removed.length > 0) this.print(['Deleted Containers:', ...containers.removed, ''].join('\n'));
    if (networks.length > 0) this.print(['Deleted Networks:', ...networks, ''].join('\n'));
    const lines = [
      ...pruned.untagged.map((name) => `untagged: ${name}`),
      ...pruned.deleted.map((digest) => `deleted: ${digest}`),
    ];
    if (lines.length > 0) this.print(['Deleted Images:', ...lines, ''].join('\n'));
    this.print(`Total reclaimed space: ${humanSize(freedBytes)}`);
    return EXIT_OK;
  }
}
