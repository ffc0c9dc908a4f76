/** `hutch tag`: runs in the CLI process. */
import { Args, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/errors/exit-codes.ts';
import { tagImage } from '../src/engine/image/tag-image.ts';

export default class Tag extends HutchCommand {
  static override summary = 'Give an image more names';
  static override description = 'A name that another image had moves over; that image stays.';
  static override examples = ['<%= config.bin %> tag busybox registry.example.org/me/box:1'];
  static override args = {
    source: Args.string({ required: true, description: 'name or id of the image' }),
    target: Args.string({ required: true, multiple: true, description: 'NAME[:TAG] to give it' }),
  };

  async run(): Promise<number> {
    const { args } = await this.parse(Tag);
    await tagImage(args.source, ...args.target);
    return EXIT_OK;
  }
}
