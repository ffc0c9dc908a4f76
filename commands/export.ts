/** `hutch export`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/errors/exit-codes.ts';
import { interruptible, NO_HALF_ARCHIVE } from '../src/cli/interrupted.ts';
import { exportContainer } from '../src/engine/container/export-container.ts';

export default class Export extends HutchCommand {
  static override summary = 'Write the whole tree of a container to an archive';
  static override description =
    'A tar archive without layers, defaults and history; volumes are not in it. Without --output it goes to stdout. What a running container writes at that moment may be in it by halves.';
  static override examples = [
    '<%= config.bin %> export -o web.tar web',
    '<%= config.bin %> export web | <%= config.bin %> import - flat',
  ];
  static override args = { container: Args.string({ required: true, description: 'name or id' }) };
  static override flags = { output: Flags.string({ char: 'o', description: 'file to write' }) };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Export);
    const { leftOut } = await interruptible(NO_HALF_ARCHIVE, (signal) =>
      exportContainer(args.container, flags.output ?? null, signal),
    );
    if (leftOut > 0) this.note(`${args.container}: left out ${String(leftOut)} sockets and device nodes`);
    return EXIT_OK;
  }
}
