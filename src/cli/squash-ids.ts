/** The flag of all commands that unpack layers; CLI process. */
import { Flags } from './base-command.ts';

export const SQUASH_IDS = Flags.boolean({
  description:
    'give files of ids beyond your range to nobody (65534), without set-id bits, instead of refusing the image',
});
