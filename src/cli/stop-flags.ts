/** The flags of `stop` and `restart`; CLI process. */
import { parseWholeSeconds } from '../engine/container/parse-life.ts';
import type { StopOptions } from '../engine/container/stop-container.ts';
import { Flags } from './base-command.ts';

export const STOP_FLAGS = {
  time: Flags.string({
    char: 't',
    aliases: ['timeout'],
    description: 'seconds until it is killed (default: as it was made with, -1 for never)',
  }),
  signal: Flags.string({ char: 's', description: 'signal instead of its stop signal' }),
};

/** USAGE_INVALID for what is no time. */
export function stopOptions(flags: {
  readonly time?: string | undefined;
  readonly signal?: string | undefined;
}): StopOptions {
  return {
    timeoutSeconds: flags.time === undefined ? null : parseWholeSeconds('--time', flags.time, -1),
    signal: flags.signal,
  };
}
