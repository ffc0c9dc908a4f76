/** `hutch port`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../src/cli/base-command.ts';
import { chooseContainer, LATEST_FLAG } from '../src/cli/choose-containers.ts';
import { EXIT_OK } from '../src/errors/exit-codes.ts';
import { allPublishedPorts, publishedPorts } from '../src/engine/container/published-ports.ts';

export default class Port extends HutchCommand {
  static override description = 'Lists which ports of the host lead to a running container.';
  static override examples = [
    '<%= config.bin %> port web',
    '<%= config.bin %> port web 80',
    '<%= config.bin %> port --all',
  ];
  static override args = {
    container: Args.string({ description: 'name, id, or the beginning of an id; none with --latest or --all' }),
    port: Args.string({ description: 'this one only: PORT[/PROTOCOL]' }),
  };

  static override flags = {
    ...LATEST_FLAG,
    all: Flags.boolean({ char: 'a', description: 'of all containers that run, each line after its id' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Port);
    for (const line of await this.lines(args, flags)) this.print(line);
    return EXIT_OK;
  }

  private async lines(
    args: { readonly container: string | undefined; readonly port: string | undefined },
    { latest, all }: { readonly latest: boolean; readonly all: boolean },
  ): Promise<readonly string[]> {
    if (all && !latest && args.container === undefined) return allPublishedPorts();
    const words = [args.container, args.port];
    const { container, rest } = await chooseContainer('port', { latest, words, most: all ? -1 : 1 });
    return publishedPorts(container, rest[0]);
  }
}
