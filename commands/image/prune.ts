/** `hutch image prune`: runs in the CLI process. */
import { Flags, HutchCommand } from '../../src/cli/base-command.ts';
import { confirm } from '../../src/cli/confirm.ts';
import { EXIT_OK } from '../../src/errors/exit-codes.ts';
import { pruneImages } from '../../src/engine/image/prune-images.ts';

export default class ImagePrune extends HutchCommand {
  static override summary = 'Remove images that nothing uses';
  static override description =
    'Removes images without a name, or with --all every image that no container was made from.';
  static override examples = [
    '<%= config.bin %> image prune -f',
    '<%= config.bin %> image prune -a --filter until=720h',
  ];
  static override flags = {
    all: Flags.boolean({ char: 'a', description: 'also images with names' }),
    force: Flags.boolean({ char: 'f', description: 'do not ask' }),
    filter: Flags.string({
      multiple: true,
      description: 'as in images: until=24h, label=KEY[=VALUE], label!=KEY[=VALUE], …',
    }),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(ImagePrune);
    const which = flags.all ? 'all images that no container was made from' : 'all images without a name';
    if (!flags.force && !confirm(`This removes ${which}. Go ahead?`)) return EXIT_OK;
    const { humanSize } = await import('../../src/cli/format/human.ts');
    const { untagged, deleted, freedBytes } = await pruneImages({ all: flags.all, filters: flags.filter });
    for (const name of untagged) this.print(`Untagged: ${name}`);
    for (const digest of deleted) this.print(`Deleted: ${digest}`);
    this.print(`Total reclaimed space: ${humanSize(freedBytes)}`);
    return EXIT_OK;
  }
}
