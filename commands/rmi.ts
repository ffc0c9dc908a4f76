/** `hutch rmi`: runs in the CLI process. */

import { EXIT_HUTCH, EXIT_OK } from '../src/errors/exit-codes.ts';
import { Args, Flags, HutchCommand } from '../src/cli/base-command.ts';
import { listImageIds } from '../src/engine/image/list-images.ts';
import { removeImage } from '../src/engine/image/remove-image.ts';
import { HutchError } from '../src/errors/hutch-error.ts';

export default class Rmi extends HutchCommand {
  static override summary = 'Remove images';
  static override description =
    'Removes names; with its last name an image goes, and with it whatever no other image needs.';
  static override examples = ['<%= config.bin %> rmi busybox', '<%= config.bin %> rmi -f 4f2b6c'];
  static override args = {
    image: Args.string({ description: 'names or ids', multiple: true }),
  };
  static override flags = {
    all: Flags.boolean({ char: 'a', description: 'remove all images' }),
    ignore: Flags.boolean({ char: 'i', description: 'an image that is not there is no error' }),
    'no-prune': Flags.boolean({ hidden: true, description: 'changes nothing: images here have no parents' }),
    force: Flags.boolean({
      char: 'f',
      description: 'remove all names of an id, and images that containers were made from',
    }),
  };

  /** Goes on after an image that cannot be removed, as docker does. */
  async run(): Promise<number> {
    const { args, flags } = await this.parse(Rmi);
    const given = args.image ?? [];
    if (flags.all === given.length > 0) throw whichImages(flags.all);
    let exitCode = EXIT_OK;
    for (const name of flags.all ? listImageIds() : given) {
      try {
        const { untagged, deleted } = await removeImage(name, { isForced: flags.force, allNames: flags.all });
        for (const shown of untagged) this.print(`Untagged: ${shown}`);
        for (const digest of deleted) this.print(`Deleted: ${digest}`);
      } catch (error) {
        if (!(error instanceof HutchError)) throw error;
        if (flags.ignore && error.code === 'IMAGE_UNKNOWN') continue;
        const { presentError } = await import('../src/cli/present-error.ts');
        presentError(error);
        // As with docker, which tells of it.
        if (!flags.force || error.code !== 'IMAGE_UNKNOWN') exitCode = EXIT_HUTCH;
      }
    }
    return exitCode;
  }
}

function whichImages(isAll: boolean): HutchError {
  return new HutchError(isAll ? '--all takes no names' : 'no image is given', {
    code: 'USAGE_INVALID',
    hint: 'give names or ids, or --all alone',
  });
}
