/** `hutch system reset`: runs in the CLI process. */
import { Flags, HutchCommand } from '../../src/cli/base-command.ts';
import { confirm } from '../../src/cli/confirm.ts';
import { EXIT_OK } from '../../src/errors/exit-codes.ts';
import { resetStore, resettable } from '../../src/engine/system/reset-store.ts';

export default class SystemReset extends HutchCommand {
  static override description =
    "Removes everything that hutch keeps: containers with what they have written, images, volumes, events. Settings and logins stay. Only a directory with hutch's marker is cleared, and only when nothing else lies in it.";
  static override examples = ['<%= config.bin %> system reset', '<%= config.bin %> system reset -f'];
  static override flags = {
    force: Flags.boolean({ char: 'f', description: 'do not ask, and end containers that run' }),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(SystemReset);
    const place = resettable();
    if (place === undefined) {
      this.note('There is nothing to reset.');
      return EXIT_OK;
    }
    const question = `This removes all containers, images and volumes of hutch, that is everything in ${place}. Go ahead?`;
    if (!flags.force && !confirm(question)) return EXIT_OK;
    await resetStore({ force: flags.force });
    return EXIT_OK;
  }
}
