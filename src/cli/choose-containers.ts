/** Which containers a command that takes several is about: those named, or by podman's --all, --latest and --filter; CLI process. */
import { HutchError } from '../errors/hutch-error.ts';
import { Args, Flags } from './base-command.ts';
import type { IfUnknown } from './for-each-container.ts';

export const CONTAINERS = {
  container: Args.string({ multiple: true, description: 'name, id, or the beginning of an id' }),
};

const all = { description: 'all containers that it can be done to' };

export const LATEST_FLAG = { latest: Flags.boolean({ char: 'l', description: 'the newest container' }) };

/** `-a` is taken in `start`. */
export const CHOICE_FLAGS_OF_START = {
  all: Flags.boolean(all),
  ...LATEST_FLAG,
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
  if (flags.latest) return { words: [await newestContainer()], ifGone: 'fail' };
  const { listContainers } = await import('../engine/container/list-containers.ts');
  const { containers } = listContainers({ all: true, last: null, filters: flags.filter ?? [] });
  const fitting = FITTING[command];
  const found = containers.filter(({ state }) => fitting?.includes(state.status) ?? true);
  return { words: found.map(({ record }) => record.id), ifGone: 'ignore' };
}

async function newestContainer(): Promise<string> {
  const { listContainers } = await import('../engine/container/list-containers.ts');
  const [newest] = listContainers({ all: true, last: 1, filters: [] }).containers;
  if (newest === undefined) throw wrong('there is no container that --latest could mean', 'see `hutch ps -a`');
  return newest.record.id;
}

interface One {
  readonly latest: boolean;
  /** What was given, in its order. */
  readonly words: readonly (string | undefined)[];
  /** What must follow the container; such as COMMAND. */
  readonly needs?: string;
  /** At most so many words may follow it. */
  readonly most?: number;
}

/**
 * The one container that a command is about, and the words after it: the first word names it, or with --latest none does. USAGE_INVALID when
 * there are too few words or too many.
 */
export async function chooseContainer(
  command: string,
  { latest, words, needs, most = Infinity }: One,
): Promise<{ readonly container: string; readonly rest: readonly string[] }> {
  const given = words.filter((word) => word !== undefined);
  const [first] = given;
  const rest = latest ? given : given.slice(1);
  const lacking = [
    ...(latest || first !== undefined ? [] : ['CONTAINER']),
    ...(rest.length > 0 ? [] : [needs ?? []].flat()),
  ];
  if (lacking.length > 0) throw wrong(`hutch ${command} needs ${lacking.join(' and ')}`, `See hutch ${command} --help`);
  if (rest.length > most) throw wrong('the container is chosen in two ways', 'give its name, or --latest');
  return { container: latest ? await newestContainer() : (first ?? ''), rest };
}

function wrong(message: string, hint: string): HutchError {
  return new HutchError(message, { code: 'USAGE_INVALID', hint });
}
