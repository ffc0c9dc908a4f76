/** `hutch attach`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../src/cli/base-command.ts';
import { ATTACH_FLAGS, attachOptions } from '../src/cli/attach-flags.ts';
import { chooseContainer, LATEST_FLAG } from '../src/cli/choose-containers.ts';
import { attachContainer } from '../src/engine/container/attach-container.ts';

export default class Attach extends HutchCommand {
  static override description =
    'Connects you to the streams of a container that runs. The detach keys leave it running; the exit code is that of its command.';
  static override examples = [
    '<%= config.bin %> attach shell',
    '<%= config.bin %> attach --no-stdin --sig-proxy=false web',
  ];
  static override args = {
    container: Args.string({ description: 'name, id, or the beginning of an id; none with --latest' }),
  };
  static override flags = {
    ...ATTACH_FLAGS,
    ...LATEST_FLAG,
    'no-stdin': Flags.boolean({ description: 'do not connect stdin' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Attach);
    const { container } = await chooseContainer('attach', { latest: flags.latest, words: [args.container], most: 0 });
    return attachContainer(container, { ...attachOptions(flags), stdin: !flags['no-stdin'] });
  }
}
