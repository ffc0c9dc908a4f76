/** Resource limits of the payload: those asked for, and the number of open files that Node has raised. */
import { readFileSync } from 'node:fs';
import { RLIMIT } from '../../linux/flags.ts';
import type { SpecRlimit } from '../../oci/runtime-spec.ts';
import { badValue } from './parse-values.ts';

const FORM = `NAME=SOFT or NAME=SOFT:HARD, where NAME is one of ${Object.keys(RLIMIT).join(', ').toLowerCase()} and a limit a number or "unlimited"`;

/** Init has the payload's limit of open files already while it puts up the last fences. */
const LEAST_OPEN_FILES = 64;

/** The limits in the spec's form, the last one of each kind; `nofile` is always among them. */
export function buildRlimits(ulimits: readonly string[]): SpecRlimit[] {
  const asked = [...new Map(ulimits.map(parseUlimit).map((limit) => [limit.type, limit])).values()];
  return asked.some((limit) => limit.type === 'RLIMIT_NOFILE') ? asked : [callersOpenFiles(), ...asked];
}

function parseUlimit(text: string): SpecRlimit {
  const match = /^([a-z]+)=(-1|\d+|unlimited)(?::(-1|\d+|unlimited))?$/iu.exec(text);
  const name = match?.[1]?.toUpperCase() ?? '';
  if (match === null || !Object.hasOwn(RLIMIT, name)) throw badValue('--ulimit', text, FORM);
  const limit = (word: string): number => (word === 'unlimited' ? -1 : Number(word));
  const soft = limit(match[2] ?? '');
  const hard = match[3] === undefined ? soft : limit(match[3]);
  const wanted = wantedOf(name, soft, hard);
  if (wanted !== undefined) throw badValue('--ulimit', text, wanted);
  return { type: `RLIMIT_${name}`, soft, hard };
}

/** What the limits should rather be; undefined when they are good. */
function wantedOf(name: string, soft: number, hard: number): string | undefined {
  if (!Number.isSafeInteger(soft) || !Number.isSafeInteger(hard)) return 'a smaller number, or "unlimited"';
  if (hard !== -1 && (soft === -1 || soft > hard)) return 'a soft limit that is not above the hard one';
  if (name === 'NOFILE' && soft !== -1 && soft < LEAST_OPEN_FILES)
    return `at least ${String(LEAST_OPEN_FILES)} open files, which the start of a container needs`;
  return undefined;
}

/**
 * Node raises its soft limit of open files to the hard one when it boots. The caller's own comes from the launcher, or else
 * from the process that has started us.
 */
function callersOpenFiles(): SpecRlimit {
  const [soft, hard] = openFilesOf('self');
  const told = Number(process.env['HUTCH_NOFILE']);
  const original = Number.isSafeInteger(told) && told > 0 ? told : openFilesOf(String(process.ppid))[0];
  return {
    type: 'RLIMIT_NOFILE',
    soft: hard === -1 ? original : Math.min(original === -1 ? soft : original, hard),
    hard,
  };
}

function openFilesOf(pid: string): [number, number] {
  const title = 'Max open files';
  const line = readFileSync(`/proc/${pid}/limits`, 'utf8')
    .split('\n')
    .find((row) => row.startsWith(title));
  const [soft, hard] =
    line
      ?.slice(title.length)
      .split(' ')
      .filter((word) => word !== '') ?? [];
  const limit = (word: string | undefined): number => (word === undefined || word === 'unlimited' ? -1 : Number(word));
  return [limit(soft), limit(hard)];
}
