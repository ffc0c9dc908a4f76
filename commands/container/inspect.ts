/** `hutch container inspect`: runs in the CLI process. */
import { Args, HutchCommand } from '../../src/cli/base-command.ts';
import { INSPECT_FLAGS, showInspected } from '../../src/cli/show-inspected.ts';

export default class ContainerInspect extends HutchCommand {
  static override description =
    'Prints all that is known of containers, as a JSON array in the form that docker has. Ends with 1 when a name is unknown.';
  static override examples = ["<%= config.bin %> container inspect -f '{{.State.Status}}' web"];
  static override args = {
    container: Args.string({ required: true, multiple: true, description: 'name, id, or the beginning of an id' }),
  };
  static override flags = INSPECT_FLAGS;

  async run(): Promise<number> {
    const { args, flags } = await this.parse(ContainerInspect);
    return showInspected(args.container, { type: 'container', size: flags.size, format: flags.format });
  }
}
