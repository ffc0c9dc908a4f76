/** Which containers a command that takes several is about: those named, or by podman's --all, --latest and --filter; CLI process. */
import { HutchError } from '../errors/hutch-error.ts';
import { Args, Flags } from './base-command.ts';
import type { IfUnknown } from './for-each-container.ts';

export const CONTAINERS = {
  container: Args.string({ multiple: true, description: 'name, id, or the beginning of an id' }),
};

const all = { description: 'all containers that it can be done to' };

/** `-a` is taken in `start`. */
export const CHOICE_FLAGS_OF_START = {
  all: Flags.boolean(all),
  latest: Flags.boolean({ char: 'l', description: 'the newest container' }),
  filter: Flags.string({ multiple: true, description: 'those that fit, as `ps --filter` has it' }),
};

export const CHOICE_FLAGS = { ...CHOICE_FLAGS_OF_START, all: Flags.boolean({ char: 'a', ...all }) };

export const IGNORE_FLAG = {
  ignore: Flags.boolean({ char: 'i', description: 'a container that is not there is no error' }),
};

interface Chosen {
  readonly container: readonly string[] | undefined;
  readonly all: boolean;
  readonly latest: boolean;
  readonly filter: readonly string[] | undefined;
}

type Status = 'created' | 'running' | 'paused' | 'restarting' | 'exited' | 'removing';

const BUSY: readonly Status[] = ['running', 'paused', 'restarting'];

/** To which containers --all and --filter can mean to do it, by the words of the command. */
const FITTING: Readonly<Record<string, readonly Status[]>> = {
  start: ['created', 'exited'],
  stop: BUSY,
  kill: BUSY,
  wait: BUSY,
  pause: ['running'],
  unpause: ['paused'],
};

/**
 * Names or ids. USAGE_INVALID when nothing is chosen, or in two ways; for a filter also CONTAINER_UNKNOWN. What --all or a filter has found
 * may have gone before its turn comes, which `ifGone` excuses.
 */
export async function chooseContainers(
  command: string,
  { container: given = [], ...flags }: Chosen,
): Promise<{ readonly words: readonly string[]; readonly ifGone: IfUnknown }> {
  const ways = [given.length > 0, flags.all, flags.latest, flags.filter !== undefined && !flags.all];
  const count = ways.filter(Boolean).length;
  if (count === 0) throw wrong(`hutch ${command} needs CONTAINER`, `See hutch ${command} --help`);
  if (count > 1) throw wrong('containers are chosen in two ways', 'give names, or --all, or --latest, or --filter');
  if (given.length > 0) return { words: given, ifGone: 'fail' };
  const { listContainers } = await import('../engine/container/list-containers.ts');
  const { containers } = listContainers({ all: true, last: null, filters: flags.filter ?? [] });
  if (flags.latest) {
    const [newest] = containers;
    if (newest === undefined) throw wrong('there is no container that --latest could mean', 'see `hutch ps -a`');
    return { words: [newest.record.id], ifGone: 'fail' };
  }
  const fitting = FITTING[command];
  const found = containers.filter(({ state }) => fitting?.includes(state.status) ?? true);
  return { words: found.map(({ record }) => record.id), ifGone: 'ignore' };
}

function wrong(message: string, hint: string): HutchError {
  return new HutchError(message, { code: 'USAGE_INVALID', hint });
}
