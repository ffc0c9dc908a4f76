/** `hutch image exists`: runs in the CLI process. */
import { Args, HutchCommand } from '../../src/cli/base-command.ts';
import { EXIT_OK } from '../../src/errors/exit-codes.ts';
import { hasImage } from '../../src/engine/image/has-image.ts';

const EXIT_MISSING = 1;

export default class ImageExists extends HutchCommand {
  static override summary = 'Tell by the exit code whether an image is there';
  static override description = 'Ends with 0 if it is, with 1 if it is not; prints nothing.';
  static override examples = ['<%= config.bin %> image exists busybox || <%= config.bin %> pull busybox'];
  static override args = { image: Args.string({ description: 'name or id', required: true }) };

  async run(): Promise<number> {
    const { args } = await this.parse(ImageExists);
    return hasImage(args.image) ? EXIT_OK : EXIT_MISSING;
  }
}
