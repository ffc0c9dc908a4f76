/** `hutch wait`: runs in the CLI process. */
import { Flags, HutchCommand } from '../src/cli/base-command.ts';
import { CHOICE_FLAGS, chooseContainers, CONTAINERS } from '../src/cli/choose-containers.ts';
import { forEachContainer } from '../src/cli/for-each-container.ts';
import { parseConditions, waitForCondition } from '../src/engine/container/wait-condition.ts';
import { waitForContainer } from '../src/engine/container/stop-container.ts';

export default class Wait extends HutchCommand {
  static override description =
    'Waits until containers have ended, and prints their exit codes; with --condition until they are in that state.';
  static override examples = ['<%= config.bin %> wait job', '<%= config.bin %> wait --condition running web'];
  static override args = CONTAINERS;
  static override flags = {
    ...CHOICE_FLAGS,
    condition: Flags.string({
      multiple: true,
      description: 'wait for another state: created, running, paused, exited, healthy or unhealthy; prints -1 then',
    }),
    ignore: Flags.boolean({ description: 'a container that is not there is no error' }),
    interval: Flags.string({ char: 'i', description: 'how often to look for such a state (default 250ms)' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Wait);
    const conditions = parseConditions(flags);
    const { words, ifGone } = await chooseContainers('wait', { ...args, ...flags });
    return forEachContainer(
      words,
      async (word) => {
        const code = conditions === null ? waitForContainer(word) : waitForCondition(word, conditions);
        this.print(String(await code));
      },
      flags.ignore ? 'ignore' : ifGone,
    );
  }
}
