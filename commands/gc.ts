/** `hutch gc`: runs in the CLI process. */
import { Flags, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_HUTCH, EXIT_OK } from '../src/errors/exit-codes.ts';
import { collectGarbage } from '../src/engine/image/collect-garbage.ts';

export default class Gc extends HutchCommand {
  static override summary = 'Delete what no image and no container needs';
  static override description =
    'Looks at what is on disk and at who is alive, never at counters, and may run next to pulls, imports and containers. Says what is wrong with the store, if anything is, and ends with 125 then.';
  static override examples = ['<%= config.bin %> gc --dry-run', '<%= config.bin %> gc --all'];
  static override flags = {
    all: Flags.boolean({
      char: 'a',
      description: 'also what is younger than an hour: half-fetched images, blobs without an image',
    }),
    'dry-run': Flags.boolean({ description: 'delete nothing, only say what would go' }),
    format: Flags.string({ description: 'json', options: ['json'] }),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Gc);
    const { garbage, problems } = await collectGarbage({ all: flags.all, dryRun: flags['dry-run'] });
    const exitCode = problems.length === 0 ? EXIT_OK : EXIT_HUTCH;
    for (const problem of problems) this.warn(problem);
    if (flags.format === 'json') {
      this.print(JSON.stringify({ garbage, problems }, undefined, 2));
      return exitCode;
    }
    const { humanSize } = await import('../src/cli/format/human.ts');
    const did = flags['dry-run'] ? 'Would delete' : 'Deleted';
    for (const { kind, name, sizeBytes } of garbage) this.print(`${did} ${kind} ${name} (${humanSize(sizeBytes)})`);
    const sum = garbage.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
    this.print(
      `Total reclaimed space: ${humanSize(flags['dry-run'] ? 0 : sum)}${flags['dry-run'] ? ` of ${humanSize(sum)}` : ''}`,
    );
    return exitCode;
  }
}
