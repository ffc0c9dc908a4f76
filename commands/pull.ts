/** `hutch pull`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/errors/exit-codes.ts';
import { watchPull } from '../src/cli/watch-transfer.ts';
import { pullAllTags } from '../src/engine/image/pull-all-tags.ts';
import { pullImage } from '../src/engine/image/pull-image.ts';
import {
  CONTENT_TRUST,
  PLATFORM_FLAGS,
  platformFrom,
  REGISTRY_FLAGS,
  registryAccess,
} from '../src/cli/registry-flags.ts';
import { SQUASH_IDS } from '../src/cli/squash-ids.ts';

export default class Pull extends HutchCommand {
  static override summary = 'Fetch images from a registry';
  static override description = `Prints the id of each image. A name without a registry means what registries.conf says, else Docker Hub. Layers that are
here already are neither fetched nor unpacked again, and a pull that broke off goes on where it was.`;
  static override examples = [
    '<%= config.bin %> pull debian:12',
    '<%= config.bin %> pull --platform linux/arm64 quay.io/prometheus/busybox',
    '<%= config.bin %> pull --all-tags registry.example.org/team/app',
    '<%= config.bin %> pull --tls-verify=false localhost:5000/app@sha256:…',
  ];
  static override args = {
    image: Args.string({ required: true, multiple: true, description: '[REGISTRY/]PATH[:TAG][@DIGEST]' }),
  };
  static override flags = {
    'all-tags': Flags.boolean({ char: 'a', description: 'fetch all tags of the repository' }),
    ...PLATFORM_FLAGS,
    'all-platforms': Flags.boolean({ description: 'keep all platforms of the image, for push and save' }),
    'squash-ids': SQUASH_IDS,
    quiet: Flags.boolean({ char: 'q', description: 'show no progress' }),
    ...REGISTRY_FLAGS,
    'disable-content-trust': CONTENT_TRUST,
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Pull);
    const shared = {
      platform: platformFrom(flags),
      squashIds: flags['squash-ids'],
      allPlatforms: flags['all-platforms'],
      ...registryAccess(flags),
    };
    for (const name of args.image) {
      const options = { ...shared, name };
      const images = await watchPull({ isQuiet: flags.quiet }, async (ears) =>
        flags['all-tags'] ? pullAllTags(options, ears) : [await pullImage(options, ears)],
      );
      for (const { id } of images) this.print(id);
    }
    return EXIT_OK;
  }
}
