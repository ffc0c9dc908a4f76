/** `hutch container install`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../../src/cli/base-command.ts';
import { EXIT_OK } from '../../src/errors/exit-codes.ts';
import { describeUnit, installUnit } from '../../src/engine/container/install-unit.ts';

export default class ContainerInstall extends HutchCommand {
  static override description = `Has systemd start a container at each boot or login, and stop it before the host goes down: writes a unit into
~/.config/systemd/user and prints its path. The container itself is left as it is.`;
  static override examples = [
    '<%= config.bin %> container install web',
    '<%= config.bin %> container install --print web',
  ];
  static override args = {
    container: Args.string({ required: true, description: 'name, id, or the beginning of an id' }),
  };
  static override flags = {
    print: Flags.boolean({ description: 'print the unit, and install nothing' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(ContainerInstall);
    if (flags.print) {
      this.print(describeUnit(args.container).trimEnd());
      return EXIT_OK;
    }
    const { path, notes } = await installUnit(args.container);
    this.print(path);
    for (const note of notes) this.note(note);
    return EXIT_OK;
  }
}
