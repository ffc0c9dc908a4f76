/** `hutch load`: runs in the CLI process. */
import { Flags, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/errors/exit-codes.ts';
import { loadImages } from '../src/engine/image/load-image.ts';
import { squashNote } from '../src/engine/image/squash-note.ts';
import { lostOwnersText } from '../src/engine/image/lost-owners.ts';
import { SQUASH_IDS } from '../src/cli/squash-ids.ts';

export default class Load extends HutchCommand {
  static override summary = 'Read images from an archive';
  static override description =
    'Takes what hutch, docker, podman or skopeo saved (docker-archive or oci-archive), plain or in gzip or zstd.';
  static override examples = ['<%= config.bin %> load -i box.tar', '<%= config.bin %> load <images.tar.zst'];
  static override flags = {
    input: Flags.string({ char: 'i', description: 'file to read instead of stdin' }),
    'squash-ids': SQUASH_IDS,
    quiet: Flags.boolean({ char: 'q', description: 'show no progress' }),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Load);
    const isShown = !flags.quiet && process.stderr.isTTY;
    const { humanSize } = await import('../src/cli/format/human.ts');
    const { writeErr } = await import('../src/cli/output.ts');
    const showProgress = (sizeBytes: number, totalBytes: number | null): void =>
      writeErr(`\r\u001b[Kreading ${humanSize(sizeBytes)}${totalBytes === null ? '' : ` of ${humanSize(totalBytes)}`}`);
    try {
      const images = await loadImages({
        file: flags.input ?? '-',
        squashIds: flags['squash-ids'],
        onProgress: isShown ? showProgress : undefined,
      });
      if (isShown) writeErr('\r\u001b[K');
      for (const { id, names, squashedIds, lostOwners } of images) {
        const name = names[0] ?? id;
        const note = squashNote(name, squashedIds);
        if (note !== null && !flags.quiet) this.note(note);
        if (lostOwners > 0) this.note(lostOwnersText(name, lostOwners));
        for (const name of names) this.print(`Loaded image: ${name}`);
        if (names.length === 0) this.print(`Loaded image ID: ${id}`);
      }
      return EXIT_OK;
    } catch (error) {
      if (isShown) writeErr('\r\u001b[K');
      throw error;
    }
  }
}
