/** `hutch container uninstall`: runs in the CLI process. */
import { Args, HutchCommand } from '../../src/cli/base-command.ts';
import { EXIT_OK } from '../../src/errors/exit-codes.ts';
import { uninstallUnit } from '../../src/engine/container/install-unit.ts';

export default class ContainerUninstall extends HutchCommand {
  static override description =
    'Takes back hutch container install: removes the unit, and leaves the container as it is.';
  static override examples = ['<%= config.bin %> container uninstall web'];
  static override args = {
    container: Args.string({ required: true, description: 'name, id, or the beginning of an id' }),
  };

  async run(): Promise<number> {
    const { args } = await this.parse(ContainerUninstall);
    this.print(await uninstallUnit(args.container));
    return EXIT_OK;
  }
}
