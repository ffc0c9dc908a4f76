/** `hutch create`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../src/cli/base-command.ts';
import { CONTAINER_FLAGS, pullWatcher, requestFrom } from '../src/cli/container-flags.ts';
import { refuseFlags } from '../src/cli/refused-flags.ts';
import { EXIT_OK } from '../src/errors/exit-codes.ts';
import { createContainer } from '../src/engine/container/create-container.ts';

export default class Create extends HutchCommand {
  static override stopsAtFirstPositional = true;
  static override description =
    'Makes a new container from an image, as run does with the same flags, and prints its id. Nothing runs until hutch start.';
  static override examples = ['<%= config.bin %> create --name web -it busybox sh'];
  static override args = {
    image: Args.string({ required: true, description: 'image, or "host"' }),
    command: Args.string({ multiple: true, description: "command and its arguments; the image's own when left out" }),
  };
  static override flags = {
    ...CONTAINER_FLAGS,
    attach: Flags.string({
      char: 'a',
      multiple: true,
      description:
        'stdin, stdout or stderr: whether stdin is for one client only; start -a connects to what it says itself',
    }),
    rm: Flags.boolean({ description: 'remove the container when it ends' }),
    cidfile: Flags.string({ description: 'write the id of the container to a file' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Create);
    await refuseFlags(flags);
    const request = requestFrom({ flags, image: args.image, command: args.command, remove: flags.rm });
    const ears = { warn: (text: string) => void this.warn(text), watchPull: pullWatcher(flags) };
    this.print(await createContainer(request, ears, { cidFile: flags.cidfile, attach: flags.attach }));
    return EXIT_OK;
  }
}
