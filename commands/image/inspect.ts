/** `hutch image inspect`: runs in the CLI process. */

import { EXIT_OK } from '../../src/errors/exit-codes.ts';
import { Args, Flags, HutchCommand } from '../../src/cli/base-command.ts';
import { inspectImage } from '../../src/engine/image/inspect-image.ts';

export default class ImageInspect extends HutchCommand {
  static override summary = 'Show everything about images';
  static override examples = [
    '<%= config.bin %> image inspect busybox',
    "<%= config.bin %> image inspect -f '{{.Config.Cmd}}' busybox",
  ];
  static override args = {
    image: Args.string({ description: 'names or ids', required: true, multiple: true }),
  };
  static override flags = {
    format: Flags.string({ char: 'f', description: 'json, or a Go template such as {{.Id}}' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(ImageInspect);
    const images = args.image.map(inspectImage);
    if (flags.format === undefined || flags.format === 'json') {
      this.printForeign(JSON.stringify(images, undefined, 2));
      return EXIT_OK;
    }
    const { formatOne } = await import('../../src/cli/format/format-rows.ts');
    for (const image of images) this.printForeign(formatOne(flags.format, image));
    return EXIT_OK;
  }
}
