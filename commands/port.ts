/** `hutch port`: runs in the CLI process. */
import { Args, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/cli/exit-codes.ts';
import { publishedPorts } from '../src/engine/container/published-ports.ts';

export default class Port extends HutchCommand {
  static override description = 'Lists which ports of the host lead to a running container.';
  static override examples = ['<%= config.bin %> port web', '<%= config.bin %> port web 80'];
  static override args = {
    container: Args.string({ required: true, description: 'name, id, or the beginning of an id' }),
    port: Args.string({ description: 'this one only: PORT[/PROTOCOL]' }),
  };

  async run(): Promise<number> {
    const { args } = await this.parse(Port);
    for (const line of publishedPorts(args.container, args.port)) this.print(line);
    return EXIT_OK;
  }
}
