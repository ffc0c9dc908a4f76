/** `hutch network disconnect`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../../src/cli/base-command.ts';
import { EXIT_OK } from '../../src/errors/exit-codes.ts';
import { disconnectContainer } from '../../src/engine/network/connect-container.ts';

export default class NetworkDisconnect extends HutchCommand {
  static override description = 'Takes a container off a network, also while it runs.';
  static override examples = ['<%= config.bin %> network disconnect db web'];
  static override args = {
    network: Args.string({ required: true, description: 'name or id' }),
    container: Args.string({ required: true, description: 'name, id, or the beginning of an id' }),
  };
  static override flags = {
    force: Flags.boolean({ char: 'f', description: 'changes nothing: it is never asked first' }),
  };

  async run(): Promise<number> {
    const { args } = await this.parse(NetworkDisconnect);
    await disconnectContainer(args.network, args.container);
    return EXIT_OK;
  }
}
