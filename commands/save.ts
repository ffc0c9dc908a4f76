/** `hutch save`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/errors/exit-codes.ts';
import { interruptible, NO_HALF_ARCHIVE } from '../src/cli/interrupted.ts';
import { saveImages } from '../src/engine/image/save-image.ts';

export default class Save extends HutchCommand {
  static override summary = 'Write images to an archive';
  static override description =
    'Without --output the archive goes to stdout. Names that are given go with their image; an id goes without a name.';
  static override examples = [
    '<%= config.bin %> save -o box.tar busybox',
    '<%= config.bin %> save --format oci-archive busybox debian:12 | zstd >images.tar.zst',
  ];
  static override args = {
    image: Args.string({ required: true, multiple: true, description: 'names or ids' }),
  };
  static override flags = {
    quiet: Flags.boolean({ char: 'q', hidden: true, description: 'changes nothing: save says nothing anyway' }),
    'multi-image-archive': Flags.boolean({
      char: 'm',
      hidden: true,
      description: 'changes nothing: several names are several images',
    }),
    output: Flags.string({ char: 'o', description: 'file to write' }),
    format: Flags.string({
      description: 'docker-archive, which every docker and podman reads, or oci-archive, which keeps digests',
      default: 'docker-archive',
    }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Save);
    const { output = null, format } = flags;
    await interruptible(NO_HALF_ARCHIVE, (signal) => saveImages({ images: args.image, output, format, signal }));
    return EXIT_OK;
  }
}
