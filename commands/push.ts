/** `hutch push`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/cli/exit-codes.ts';
import { CONTENT_TRUST, REGISTRY_FLAGS, registryAccess } from '../src/cli/registry-flags.ts';
import { watchPush } from '../src/cli/watch-transfer.ts';
import { pushImage } from '../src/engine/image/push-image.ts';

export default class Push extends HutchCommand {
  static override summary = 'Send an image to a registry';
  static override description = `Sends what the registry does not have, and prints the digest of the manifest. Of an image for several platforms, the part
for this host is sent.`;
  static override examples = [
    '<%= config.bin %> push registry.example.org/me/app:1',
    '<%= config.bin %> push --tls-verify=false app localhost:5000/app:1',
  ];
  static override args = {
    image: Args.string({ required: true, description: 'name or id of the image' }),
    destination: Args.string({ description: '[REGISTRY/]PATH[:TAG] to send it to, instead of its own name' }),
  };
  static override flags = {
    quiet: Flags.boolean({ char: 'q', description: 'show no progress' }),
    ...REGISTRY_FLAGS,
    'disable-content-trust': CONTENT_TRUST,
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Push);
    const options = { ...args, ...registryAccess(flags) };
    const { digest } = await watchPush({ isQuiet: flags.quiet }, (ears) => pushImage(options, ears));
    this.print(digest);
    return EXIT_OK;
  }
}
