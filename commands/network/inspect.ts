/** `hutch network inspect`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../../src/cli/base-command.ts';
import { showEach } from '../../src/cli/show-inspected.ts';
import { inspectNetwork } from '../../src/engine/network/inspect-network.ts';

export default class NetworkInspect extends HutchCommand {
  static override description =
    'Shows everything about networks, among it the containers that run and are on them, with their addresses.';
  static override examples = [
    '<%= config.bin %> network inspect web',
    "<%= config.bin %> network inspect -f '{{range .Containers}}{{.Name}} {{.IPv4Address}}{{println}}{{end}}' web",
  ];
  static override args = {
    network: Args.string({ required: true, multiple: true, description: 'names or ids' }),
  };
  static override flags = {
    format: Flags.string({ char: 'f', description: 'json, or a Go template such as {{.Name}}' }),
    verbose: Flags.boolean({ char: 'v', hidden: true, description: 'changes nothing: all is shown' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(NetworkInspect);
    return showEach(args.network, flags.format, (word) => Promise.resolve(inspectNetwork(word)));
  }
}
