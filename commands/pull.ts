/** `hutch pull`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/cli/exit-codes.ts';
import { watchPull } from '../src/cli/watch-transfer.ts';
import { pullImage } from '../src/engine/image/pull-image.ts';
import { SQUASH_IDS } from '../src/cli/squash-ids.ts';

export default class Pull extends HutchCommand {
  static override summary = 'Fetch images from a registry';
  static override description = `Prints the id of each image. A name without a registry means what registries.conf says, else Docker Hub. Layers that are
here already are neither fetched nor unpacked again, and a pull that broke off goes on where it was.`;
  static override examples = [
    '<%= config.bin %> pull debian:12',
    '<%= config.bin %> pull --platform linux/arm64 quay.io/prometheus/busybox',
    '<%= config.bin %> pull --tls-verify=false localhost:5000/app@sha256:…',
  ];
  static override args = {
    image: Args.string({ required: true, multiple: true, description: '[REGISTRY/]PATH[:TAG][@DIGEST]' }),
  };
  static override flags = {
    platform: Flags.string({ description: "OS/ARCH[/VARIANT] instead of this host's" }),
    'squash-ids': SQUASH_IDS,
    quiet: Flags.boolean({ char: 'q', description: 'show no progress' }),
    'tls-verify': Flags.boolean({ default: true, description: 'false allows plain http and any certificate' }),
    authfile: Flags.string({ description: 'file with the credentials, instead of the usual ones' }),
    'cert-dir': Flags.string({ description: "directory with the registry's certificates (*.crt, *.cert, *.key)" }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Pull);
    const options = {
      platform: flags.platform,
      squashIds: flags['squash-ids'],
      tlsVerify: flags['tls-verify'],
      authFile: flags.authfile,
      certDirectory: flags['cert-dir'],
    };
    for (const name of args.image) {
      const image = await watchPull({ isQuiet: flags.quiet }, (ears) => pullImage({ ...options, name }, ears));
      this.print(image.id);
    }
    return EXIT_OK;
  }
}
