/** `hutch update`: runs in the CLI process. */
import { Args, HutchCommand } from '../src/cli/base-command.ts';
import { forEachContainer } from '../src/cli/for-each-container.ts';
import { LIMIT_FLAGS, limitsFrom, RATE_FLAGS, rateFrom } from '../src/cli/limit-flags.ts';
import { updateContainer } from '../src/engine/container/update-container.ts';

export default class Update extends HutchCommand {
  static override description = `Changes the limits of containers: at once where they run, and for every start from then on. What is not named stays as it is.
Each value is read back from the kernel; when one does not take effect, none of them does.`;
  static override examples = [
    '<%= config.bin %> update --memory 1g --cpus 1.5 web',
    { description: 'What it sends and receives', command: '<%= config.bin %> update --network-rate 20mbit web' },
    { description: 'Any number of processes', command: '<%= config.bin %> update --pids-limit -1 web' },
  ];
  static override args = {
    container: Args.string({ required: true, multiple: true, description: 'name, id, or the beginning of an id' }),
  };
  static override flags = { ...LIMIT_FLAGS, ...RATE_FLAGS };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Update);
    return forEachContainer(args.container, async (word) => {
      for (const note of await updateContainer(word, limitsFrom(flags), rateFrom(flags))) this.warn(note);
      this.print(word);
    });
  }
}
