/** `hutch inspect`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../src/cli/base-command.ts';
import { INSPECT_FLAGS, showInspected } from '../src/cli/show-inspected.ts';

export default class Inspect extends HutchCommand {
  static override description =
    'Prints all that is known of containers, images and networks, as a JSON array in the form that docker has. A name that several have is the container, or the image; --type tells. Ends with 1 when a name is unknown.';
  static override examples = [
    '<%= config.bin %> inspect web',
    "<%= config.bin %> inspect -f '{{.State.ExitCode}}' web",
    '<%= config.bin %> inspect --type image busybox',
  ];
  static override args = {
    container: Args.string({
      required: true,
      multiple: true,
      description: 'names or ids of containers, images or networks',
    }),
  };
  static override flags = {
    ...INSPECT_FLAGS,
    type: Flags.string({ description: 'container, image or network' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Inspect);
    return showInspected(args.container, { type: flags.type, size: flags.size, format: flags.format });
  }
}
