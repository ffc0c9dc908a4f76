/** `hutch push`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/errors/exit-codes.ts';
import { CONTENT_TRUST, REGISTRY_FLAGS, registryAccess } from '../src/cli/registry-flags.ts';
import { watchPush } from '../src/cli/watch-transfer.ts';
import { pushAllTags } from '../src/engine/image/push-all-tags.ts';
import { pushImage } from '../src/engine/image/push-image.ts';
import { writeDigest } from '../src/engine/image/write-output.ts';

export default class Push extends HutchCommand {
  static override summary = 'Send an image to a registry';
  static override description = `Sends what the registry does not have, and prints the digest of the manifest. An image for several platforms goes as a whole where
all of it is here; otherwise the part for this host goes, with a warning.

Without --format and --compression-format everything is sent as it is stored, and has the same digest there as here.`;
  static override examples = [
    '<%= config.bin %> push registry.example.org/me/app:1',
    '<%= config.bin %> push --tls-verify=false app localhost:5000/app:1',
    '<%= config.bin %> push --compression-format zstd --digestfile app.digest app quay.io/me/app',
  ];
  static override args = {
    image: Args.string({ required: true, description: 'name or id of the image' }),
    destination: Args.string({ description: '[REGISTRY/]PATH[:TAG] to send it to, instead of its own name' }),
  };
  static override flags = {
    'all-tags': Flags.boolean({ char: 'a', description: 'send all images here that have a tag of the repository' }),
    platform: Flags.string({ description: 'send only the part for OS/ARCH[/VARIANT]' }),
    'all-platforms': Flags.boolean({ description: 'send all platforms, or fail where one is not here' }),
    format: Flags.string({
      char: 'f',
      description: 'oci, or v2s2 for the format of Docker; as it is stored when left out',
    }),
    'compression-format': Flags.string({
      description: 'gzip or zstd; layers in another form are compressed anew',
    }),
    'compression-level': Flags.string({ description: '1 to 9 for gzip, 1 to 22 for zstd' }),
    digestfile: Flags.string({ description: 'file to write the digest to' }),
    quiet: Flags.boolean({ char: 'q', description: 'show no progress' }),
    ...REGISTRY_FLAGS,
    'disable-content-trust': CONTENT_TRUST,
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Push);
    const options = {
      ...args,
      platform: flags.platform,
      allPlatforms: flags['all-platforms'],
      format: flags.format,
      compressionFormat: flags['compression-format'],
      compressionLevel: flags['compression-level'],
      ...registryAccess(flags),
    };
    const pushed = await watchPush({ isQuiet: flags.quiet }, async (ears) =>
      flags['all-tags'] ? pushAllTags(options, ears) : [await pushImage(options, ears)],
    );
    for (const { digest } of pushed) this.print(digest);
    const last = pushed.at(-1);
    if (flags.digestfile !== undefined && last !== undefined) await writeDigest(flags.digestfile, last.digest);
    return EXIT_OK;
  }
}
