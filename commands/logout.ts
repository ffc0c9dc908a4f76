/** `hutch logout`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/errors/exit-codes.ts';
import { logout, logoutEverywhere } from '../src/engine/registry/logout.ts';

export default class Logout extends HutchCommand {
  static override summary = 'Forget the login to a registry';
  static override description =
    'Without REGISTRY it is Docker Hub. Being logged out already is an error, as with podman.';
  static override examples = ['<%= config.bin %> logout quay.io', '<%= config.bin %> logout --all'];
  static override args = { registry: Args.string({ description: 'HOST[:PORT][/PATH]' }) };
  static override flags = {
    all: Flags.boolean({ char: 'a', description: 'forget all registries' }),
    authfile: Flags.string({ description: 'file with the credentials, instead of the usual ones' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Logout);
    if (flags.all) await logoutEverywhere(flags.authfile);
    else this.print(`Removed login credentials for ${await logout(args.registry, flags.authfile)}`);
    return EXIT_OK;
  }
}
