/** `hutch plan exec`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../../src/cli/base-command.ts';
import { EXEC_FLAGS, execRequestFrom } from '../../src/cli/exec-flags.ts';
import { EXIT_OK } from '../../src/errors/exit-codes.ts';
import { planExec } from '../../src/engine/container/exec-container.ts';

export default class PlanExec extends HutchCommand {
  static override stopsAtFirstPositional = true;
  static override description = `Prints what "hutch exec" with the same flags would do now: how the container is entered, and every limit and fence in order,
with the reason for each. Nothing is run. --format json is what init gets.`;
  static override examples = ['<%= config.bin %> plan exec -it web sh'];
  static override args = {
    container: Args.string({ required: true, description: 'name or id' }),
    command: Args.string({ required: true, multiple: true, description: 'command and its arguments' }),
  };
  static override flags = { ...EXEC_FLAGS, format: Flags.string({ default: 'text', description: 'text or json' }) };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(PlanExec);
    const request = execRequestFrom({ flags, container: args.container, command: args.command });
    const colour = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
    this.print((await planExec(request, { format: flags.format, colour })).trimEnd());
    return EXIT_OK;
  }
}
