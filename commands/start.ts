/** `hutch start`: runs in the CLI process. */
import { HutchError } from '../src/errors/hutch-error.ts';
import { Flags, HutchCommand } from '../src/cli/base-command.ts';
import { ATTACH_FLAGS, attachOptions } from '../src/cli/attach-flags.ts';
import { CHOICE_FLAGS_OF_START, chooseContainers, CONTAINERS } from '../src/cli/choose-containers.ts';
import { forEachContainer } from '../src/cli/for-each-container.ts';
import { startAttached, startContainer } from '../src/engine/container/start-container.ts';

export default class Start extends HutchCommand {
  static override description =
    'Starts containers that were created or have ended. With --attach the exit code is that of the command.';
  static override examples = ['<%= config.bin %> start web db', '<%= config.bin %> start -ai shell'];
  static override args = CONTAINERS;
  static override flags = {
    ...CHOICE_FLAGS_OF_START,
    ...ATTACH_FLAGS,
    attach: Flags.boolean({ char: 'a', description: 'connect stdout and stderr, and pass signals on' }),
    interactive: Flags.boolean({ char: 'i', description: 'connect stdin' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Start);
    const { words, ifGone } = await chooseContainers('start', { ...args, ...flags });
    if (flags.attach || flags.interactive) {
      const [first, ...others] = words;
      if (first === undefined || others.length > 0) throw onlyOne();
      return startAttached(first, { ...attachOptions(flags), stdin: flags.interactive });
    }
    return forEachContainer(
      words,
      async (word) => {
        await startContainer(word);
        this.print(word);
      },
      ifGone,
    );
  }
}

function onlyOne(): HutchError {
  return new HutchError('start --attach takes one container', {
    code: 'USAGE_INVALID',
    hint: 'leave out --attach and --interactive to start several',
  });
}
