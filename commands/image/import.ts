/** `hutch image import`: runs in the CLI process. */

import { EXIT_OK } from '../../src/errors/exit-codes.ts';
import { Args, Flags, HutchCommand } from '../../src/cli/base-command.ts';
import { lostOwnersText } from '../../src/engine/image/lost-owners.ts';
import { importImage, type ImportedImage } from '../../src/engine/image/import-image.ts';
import { platformParts } from '../../src/cli/registry-flags.ts';
import { squashNote } from '../../src/engine/image/squash-note.ts';
import { SQUASH_IDS } from '../../src/cli/squash-ids.ts';

export default class ImageImport extends HutchCommand {
  static override summary = 'Make an image from a root file system tarball';
  static override description =
    'The archive may be plain, gzip or zstd. Device nodes are left out; containers get their own. Files keep their owners within the range of your subordinate ids.';
  static override examples = [
    '<%= config.bin %> image import rootfs.tar.gz debian:12',
    'mmdebstrap bookworm - | <%= config.bin %> image import --change \'CMD ["bash"]\' - debian:12',
  ];
  static override args = {
    file: Args.string({ description: 'archive, or - for stdin', required: true }),
    name: Args.string({ description: 'NAME[:TAG] of the image; none when left out' }),
  };
  static override flags = {
    change: Flags.string({
      char: 'c',
      multiple: true,
      description:
        'a Dockerfile instruction: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME or WORKDIR',
    }),
    message: Flags.string({ char: 'm', description: 'comment for the history of the image' }),
    arch: Flags.string({ description: 'processor of the image in Go words (amd64, arm64)' }),
    os: Flags.string({ description: 'system of the image; linux when left out' }),
    variant: Flags.string({ description: 'variant of the processor (v7)' }),
    platform: Flags.string({
      description: 'OS/ARCH[/VARIANT] of the image, all in one',
      exclusive: ['arch', 'os', 'variant'],
    }),
    'squash-ids': SQUASH_IDS,
    quiet: Flags.boolean({ char: 'q', description: 'show no progress and no notes' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(ImageImport);
    const isShown = !flags.quiet && process.stderr.isTTY;
    const { humanSize } = await import('../../src/cli/format/human.ts');
    const { writeErr } = await import('../../src/cli/output.ts');
    const showProgress = (sizeBytes: number, totalBytes: number): void =>
      writeErr(`\r\u001b[Kimporting ${humanSize(sizeBytes)} of ${humanSize(totalBytes)}`);
    try {
      const image = await importImage({
        ...args,
        changes: flags.change,
        message: flags.message,
        platform: platformParts(flags),
        squashIds: flags['squash-ids'],
        onProgress: isShown ? showProgress : undefined,
      });
      if (isShown) writeErr('\r\u001b[K');
      if (!flags.quiet) this.noteLosses(image);
      this.print(image.id);
      return EXIT_OK;
    } catch (error) {
      if (isShown) writeErr('\r\u001b[K');
      throw error;
    }
  }

  private noteLosses(image: ImportedImage): void {
    const { skippedDevices, skippedAttributes, squashedIds, lostOwners } = image.layer;
    const name = image.name ?? image.id;
    if (skippedDevices > 0) this.note(`${name}: left out ${skippedDevices} device nodes`);
    const squashed = squashNote(name, squashedIds);
    if (squashed !== null) this.note(squashed);
    if (skippedAttributes > 0) this.note(`${name}: left out ${skippedAttributes} extended attributes`);
    if (lostOwners > 0) this.note(lostOwnersText(name, lostOwners));
  }
}
