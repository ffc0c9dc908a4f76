/** `hutch plan run`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../../src/cli/base-command.ts';
import { CONTAINER_FLAGS, pullWatcher, requestFrom } from '../../src/cli/container-flags.ts';
import { refuseFlags } from '../../src/cli/refused-flags.ts';
import { EXIT_OK } from '../../src/errors/exit-codes.ts';
import { planRun } from '../../src/engine/container/plan-run.ts';

export default class PlanRun extends HutchCommand {
  static override stopsAtFirstPositional = true;
  static override description = `Prints what "hutch run" with the same flags would do: every namespace, mount, limit and fence in order, with the reason for
each. Nothing is made and nothing is run; an image that is not here is fetched, unless --pull never says otherwise.

--format bash gives a script that does the same with unshare, mount and setpriv, for any user; what bash cannot do stands in
it as a comment. --format json is what init gets. --format spec is the OCI runtime spec it was compiled from.`;
  static override examples = [
    { description: 'How a container of this host is made', command: '<%= config.bin %> plan run --rm -it host sh' },
    { description: 'As a script', command: '<%= config.bin %> plan run --format bash host id > container.sh' },
  ];
  static override args = {
    image: Args.string({ required: true, description: 'image, or "host"' }),
    command: Args.string({ multiple: true, description: 'command and its arguments' }),
  };
  static override flags = {
    ...CONTAINER_FLAGS,
    rm: Flags.boolean({ description: 'as in run; changes nothing in the plan' }),
    format: Flags.string({ default: 'text', description: 'text, json, bash or spec' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(PlanRun);
    await refuseFlags(flags);
    const request = requestFrom({ flags, image: args.image, command: args.command, remove: flags.rm });
    const colour = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
    this.print((await planRun(request, { format: flags.format, colour, watchPull: pullWatcher(flags) })).trimEnd());
    return EXIT_OK;
  }
}
