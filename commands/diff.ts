/** `hutch diff`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/errors/exit-codes.ts';
import { diffContainer, type ContainerChange } from '../src/engine/container/diff-container.ts';

const LETTER = { added: 'A', changed: 'C', deleted: 'D' } as const;

export default class Diff extends HutchCommand {
  static override summary = 'Show what a container has changed';
  static override description =
    'One line for each file or directory: A for added, C for changed, D for deleted. What lies in volumes and in the mounts that every container has is no change. One of the image host is compared with the host as it is now.';
  static override examples = ['<%= config.bin %> diff web', '<%= config.bin %> diff --format json web'];
  static override args = { container: Args.string({ required: true, description: 'name or id' }) };
  static override flags = { format: Flags.string({ description: 'json', options: ['json'] }) };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Diff);
    const changes: Record<ContainerChange['kind'], string[]> = { changed: [], added: [], deleted: [] };
    const isJson = flags.format === 'json';
    await diffContainer(args.container, ({ kind, path }) => {
      if (isJson) changes[kind].push(path);
      else this.print(`${LETTER[kind]} ${path}`);
    });
    if (isJson) this.print(JSON.stringify(changes, undefined, 2));
    return EXIT_OK;
  }
}
