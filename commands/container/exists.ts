/** `hutch container exists`: runs in the CLI process. */
import { Args, HutchCommand } from '../../src/cli/base-command.ts';
import { EXIT_OK } from '../../src/errors/exit-codes.ts';
import { hasContainer } from '../../src/engine/container/has-container.ts';

const EXIT_MISSING = 1;

export default class ContainerExists extends HutchCommand {
  static override summary = 'Tell by the exit code whether a container is there';
  static override description = 'Ends with 0 if it is, running or not, with 1 if it is not; prints nothing.';
  static override examples = ['<%= config.bin %> container exists web || <%= config.bin %> create --name web IMAGE'];
  static override args = { container: Args.string({ description: 'name, id, or its beginning', required: true }) };

  async run(): Promise<number> {
    const { args } = await this.parse(ContainerExists);
    return hasContainer(args.container) ? EXIT_OK : EXIT_MISSING;
  }
}
