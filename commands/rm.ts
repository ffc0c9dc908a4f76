/** `hutch rm`: runs in the CLI process. */
import { Flags, HutchCommand } from '../src/cli/base-command.ts';
import { CHOICE_FLAGS, chooseContainers, CONTAINERS, IGNORE_FLAG } from '../src/cli/choose-containers.ts';
import { forEachContainer } from '../src/cli/for-each-container.ts';
import { parseWholeSeconds } from '../src/engine/container/parse-life.ts';
import { removeContainer } from '../src/engine/container/remove-container.ts';

export default class Rm extends HutchCommand {
  static override description =
    'Removes containers with everything they have written. Images and volumes stay. With --force a container that is not there is no error.';
  static override examples = ['<%= config.bin %> rm web', '<%= config.bin %> rm -f web db'];
  static override args = CONTAINERS;
  static override flags = {
    ...CHOICE_FLAGS,
    ...IGNORE_FLAG,
    force: Flags.boolean({ char: 'f', description: 'end a running container first' }),
    time: Flags.string({ char: 't', description: 'with --force: seconds to end by itself, as `stop` asks for' }),
    volumes: Flags.boolean({ char: 'v', description: 'also its volumes without a name, as soon as there are any' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Rm);
    const { words, ifGone } = await chooseContainers('rm', { ...args, ...flags });
    const stopSeconds = flags.time === undefined ? undefined : parseWholeSeconds('--time', flags.time, -1);
    const ifUnknown = flags.ignore ? 'ignore' : flags.force && ifGone === 'fail' ? 'tell' : ifGone;
    return forEachContainer(
      words,
      async (word) => {
        this.print(await removeContainer(word, { force: flags.force, stopSeconds }));
      },
      ifUnknown,
    );
  }
}
