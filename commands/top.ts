/** `hutch top`: runs in the CLI process. */
import { Args, HutchCommand } from '../src/cli/base-command.ts';
import { chooseContainer, LATEST_FLAG } from '../src/cli/choose-containers.ts';
import { EXIT_OK } from '../src/errors/exit-codes.ts';
import { printable } from '../src/errors/hutch-error.ts';
import { topContainer } from '../src/engine/container/top-container.ts';

export default class Top extends HutchCommand {
  static override usage = 'top [FLAGS] [CONTAINER] [OPTIONS...]';
  static override stopsAtFirstPositional = true;
  static override description = `Lists the processes of a container that runs, as the ps of this host shows them: with the host's pids and users. The words
after the container are options of ps(1); -ef when left out.`;
  static override examples = [
    '<%= config.bin %> top web',
    '<%= config.bin %> top web -o pid,rss,args',
    '<%= config.bin %> top -l -- -o pid,args',
  ];
  static override args = {
    container: Args.string({
      multiple: true,
      description: 'name or id, none with --latest; and then options of ps(1)',
    }),
  };

  static override flags = LATEST_FLAG;

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Top);
    const words = args.container ?? [];
    const { container, rest } = await chooseContainer('top', { latest: flags.latest, words });
    const { titles, rows } = await topContainer(container, rest);
    const { renderTable } = await import('../src/cli/format/table.ts');
    this.print(renderTable([titles, ...rows].map((row) => row.map(printable))));
    return EXIT_OK;
  }
}
