/** `hutch exec`: runs in the CLI process. */
import { Args, HutchCommand } from '../src/cli/base-command.ts';
import { chooseContainer, LATEST_FLAG } from '../src/cli/choose-containers.ts';
import { requireTerminal } from '../src/cli/container-flags.ts';
import { EXEC_FLAGS, execRequestFrom } from '../src/cli/exec-flags.ts';
import { execInContainer } from '../src/engine/container/exec-container.ts';

export default class Exec extends HutchCommand {
  static override usage = 'exec [FLAGS] [CONTAINER] COMMAND...';
  static override stopsAtFirstPositional = true;
  static override description = `Runs a command in a container that runs, next to what is in it already: in its namespaces, with its limits, capabilities and filter,
its environment and user. It ends with this hutch, unless -d is given or the detach keys are typed; then it lives until it or the
container ends, and what it prints is thrown away (with -d, -i and -t mean nothing).

Exit code: the command's own; 128+n when signal n ended it; 125 when hutch could not run it; 126 when the command cannot be
executed; 127 when it is not in the container.`;
  static override examples = [
    { description: 'A shell in a container', command: '<%= config.bin %> exec -it web sh' },
    { description: 'In the newest one', command: '<%= config.bin %> exec -l ls /' },
    {
      description: 'As another user, with a variable',
      command: '<%= config.bin %> exec -u www-data -e DEBUG=1 web env',
    },
  ];
  static override args = {
    container: Args.string({
      multiple: true,
      description: 'name or id, none with --latest; and then the command and its arguments',
    }),
  };
  static override flags = { ...EXEC_FLAGS, ...LATEST_FLAG };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Exec);
    const words = args.container ?? [];
    const { container, rest } = await chooseContainer('exec', { latest: flags.latest, words, needs: 'COMMAND' });
    const request = execRequestFrom({ flags, container, command: rest });
    if (!request.detach) requireTerminal(request);
    return execInContainer(request);
  }
}
