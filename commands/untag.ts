/** `hutch untag`: runs in the CLI process. */
import { Args, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/errors/exit-codes.ts';
import { untagImage } from '../src/engine/image/untag-image.ts';

export default class Untag extends HutchCommand {
  static override summary = 'Take names from an image, which stays';
  static override description =
    'Takes the names that are given, or without any all of them. An image without a name goes with `hutch image prune`.';
  static override examples = ['<%= config.bin %> untag busybox registry.example.org/me/box:1'];
  static override args = {
    image: Args.string({ required: true, description: 'name or id of the image' }),
    name: Args.string({ multiple: true, description: 'NAME[:TAG] to take from it' }),
  };

  async run(): Promise<number> {
    const { args } = await this.parse(Untag);
    await untagImage(args.image, args.name ?? []);
    return EXIT_OK;
  }
}
