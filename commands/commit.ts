/** `hutch commit`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/errors/exit-codes.ts';
import { commitContainer } from '../src/engine/container/commit-container.ts';

export default class Commit extends HutchCommand {
  static override summary = 'Make an image of what a container has changed';
  static override description =
    "The image has the layers and defaults of the container's own and one more layer; what --env, --user and the like gave to the container is not in it: use --change. What a running container writes at that moment may be in it by halves.";
  static override examples = [
    '<%= config.bin %> commit web web:patched',
    '<%= config.bin %> commit -m "add curl" -c \'CMD ["curl"]\' web tools',
  ];
  static override args = {
    container: Args.string({ required: true, description: 'name or id' }),
    name: Args.string({ description: 'NAME[:TAG] of the image' }),
  };
  static override flags = {
    message: Flags.string({ char: 'm', description: 'comment for the history of the image' }),
    author: Flags.string({ char: 'a', description: 'who made it (NAME <mail>)' }),
    change: Flags.string({
      char: 'c',
      multiple: true,
      description:
        'a Dockerfile instruction: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME or WORKDIR',
    }),
    pause: Flags.boolean({
      char: 'p',
      description: 'taken for compatibility: an ordinary user cannot freeze a container',
    }),
    quiet: Flags.boolean({ char: 'q', description: 'show no notes' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Commit);
    const { id, leftOut } = await commitContainer(args.container, {
      name: args.name,
      message: flags.message,
      author: flags.author,
      changes: flags.change,
    });
    if (leftOut > 0 && !flags.quiet)
      this.note(`${args.container}: left out ${String(leftOut)} sockets and device nodes`);
    this.print(id);
    return EXIT_OK;
  }
}
