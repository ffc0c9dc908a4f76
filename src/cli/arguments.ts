/**
 * Reads a command line the way docker's users write it and rewrites it for oclif's parser; pure, runs in the CLI process.
 *
 * oclif alone does not know `--rm=true`, takes IMAGE for one more value after `-e A=1`, and refuses an option given
 * twice. The rewritten form (`--name value … -- positionals`) leaves it nothing to guess.
 */

import { HutchError } from '../errors/hutch-error.ts';
import { closest } from './closest.ts';

/** What has to be known of a flag to find its value; every oclif flag fits. */
export interface FlagShape {
  readonly type: 'boolean' | 'option';
  readonly char?: string | undefined;
  readonly aliases?: readonly string[] | undefined;
  readonly charAliases?: readonly string[] | undefined;
  readonly multiple?: boolean | undefined;
  readonly hidden?: boolean | undefined;
}

export type FlagShapes = Readonly<Record<string, FlagShape>>;

export interface SplitArguments {
  /** The options in oclif's own language: `--name`, `--no-name`, `--name value`. */
  readonly options: readonly string[];
  /** The names of the flags that these are. */
  readonly given: ReadonlySet<string>;
  readonly positionals: readonly string[];
  /** Flags as typed that no flag of the command answers to. */
  readonly unknown: readonly string[];
}

const TRUE_WORDS = ['true', '1', 't'];
const FALSE_WORDS = ['false', '0', 'f'];

/**
 * Splits `argv` where the payload begins: everything from the first word that is neither a flag nor a flag's value
 * goes to the positionals untouched, so `run -it --rm IMG sh -c x --flag` keeps `--flag` for `sh`. A `--` before that
 * word is dropped. Throws USAGE_INVALID for an option without its value and for `--bool=neither`.
 */
export function splitAtFirstPositional(argv: readonly string[], flags: FlagShapes): SplitArguments {
  return split(argv, flags, true);
}

/** As splitAtFirstPositional(), for commands whose flags may stand anywhere before `--` (`rm web -f`). */
export function splitAnywhere(argv: readonly string[], flags: FlagShapes): SplitArguments {
  return split(argv, flags, false);
}

/** True when the flags of `argv` contain `--help`, or `-h` where the command has no `-h` of its own. */
export function asksForHelp({ options, unknown }: SplitArguments): boolean {
  return options.includes('--help') || unknown.includes('-h');
}

/** Throws USAGE_INVALID when `split` met flags that do not exist; the hint names the nearest one that does. */
export function refuseUnknownFlags({ unknown }: SplitArguments, flags: FlagShapes, command: string): void {
  const first = unknown[0];
  if (first === undefined) return;
  const names = Object.entries(flags).filter(([, flag]) => flag.hidden !== true);
  const near = closest(
    first.replace(/=.*$/su, ''),
    names.map(([name]) => `--${name}`),
  );
  const message = `unknown flag ${unknown.join(', ')} for hutch ${command}`;
  const hint = near === undefined ? `See hutch ${command} --help` : `Did you mean ${near}? See hutch ${command} --help`;
  throw new HutchError(message, { code: 'USAGE_INVALID', hint });
}

function split(argv: readonly string[], flags: FlagShapes, stopAtPositional: boolean): SplitArguments {
  const reader = new ArgumentReader(argv, flags);
  reader.readAll(stopAtPositional);
  return { options: reader.options(), given: reader.given(), positionals: reader.positionals, unknown: reader.unknown };
}

/** One pass over an argument vector. */
class ArgumentReader {
  readonly positionals: string[] = [];
  readonly unknown: string[] = [];
  readonly #rest: string[];
  readonly #flags: FlagShapes;
  readonly #given = new Map<string, string[][]>();

  constructor(argv: readonly string[], flags: FlagShapes) {
    this.#rest = [...argv];
    this.#flags = flags;
  }

  options(): string[] {
    return [...this.#given.values()].flat(2);
  }

  given(): ReadonlySet<string> {
    return new Set(this.#given.keys());
  }

  readAll(stopAtPositional: boolean): void {
    for (let word = this.#rest.shift(); word !== undefined; word = this.#rest.shift()) {
      if (word === '--') break;
      if (word.startsWith('--')) this.#readLong(word.slice(2));
      else if (word.startsWith('-') && word !== '-') this.#readCluster(word.slice(1));
      else {
        this.positionals.push(word);
        if (stopAtPositional) break;
      }
    }
    this.positionals.push(...this.#rest);
  }

  #readLong(text: string): void {
    const equals = text.indexOf('=');
    const typed = equals === -1 ? text : text.slice(0, equals);
    const value = equals === -1 ? undefined : text.slice(equals + 1);
    const name = this.#nameOf(typed);
    if (name === undefined) this.unknown.push(`--${text}`);
    else this.#take(name, `--${typed}`, value);
  }

  /** `-it`, `-eA=1`, `-e=A=1`, `-t=false`: letters are flags until one takes the rest as its value. */
  #readCluster(letters: string): void {
    const letter = letters.charAt(0);
    const rest = letters.slice(1);
    const name = this.#nameOfLetter(letter);
    if (name === undefined) {
      this.unknown.push(`-${letter}`);
    } else if (rest.startsWith('=')) {
      this.#take(name, `-${letter}`, rest.slice(1));
    } else if (this.#flags[name]?.type === 'option') {
      this.#take(name, `-${letter}`, rest === '' ? undefined : rest);
    } else {
      this.#take(name, `-${letter}`, undefined);
      if (rest !== '') this.#readCluster(rest);
    }
  }

  #take(name: string, typed: string, value: string | undefined): void {
    const flag = this.#flags[name];
    if (flag?.type === 'boolean') this.#record(name, [truthOf(typed, value) ? `--${name}` : `--no-${name}`]);
    else this.#record(name, [`--${name}`, value ?? this.#nextValue(typed)], flag?.multiple === true);
  }

  /** Keeps every value of a repeatable flag and, as docker does, the last one of any other. */
  #record(name: string, words: string[], keepEarlier = false): void {
    this.#given.set(name, keepEarlier ? [...(this.#given.get(name) ?? []), words] : [words]);
  }

  #nextValue(typed: string): string {
    const value = this.#rest.shift();
    if (value === undefined) throw usageError(`flag ${typed} needs a value`, `Write a value after ${typed}`);
    return value;
  }

  #nameOf(typed: string): string | undefined {
    if (Object.hasOwn(this.#flags, typed)) return typed;
    return Object.keys(this.#flags).find((name) => this.#flags[name]?.aliases?.includes(typed) === true);
  }

  #nameOfLetter(letter: string): string | undefined {
    return Object.keys(this.#flags).find((name) => {
      const flag = this.#flags[name];
      return flag?.char === letter || flag?.charAliases?.includes(letter) === true;
    });
  }
}

function truthOf(typed: string, value: string | undefined): boolean {
  if (value === undefined || TRUE_WORDS.includes(value.toLowerCase())) return true;
  if (FALSE_WORDS.includes(value.toLowerCase())) return false;
  throw usageError(`flag ${typed} is true or false, not "${value}"`, `Write ${typed} or ${typed}=false`);
}

function usageError(message: string, hint: string): HutchError {
  return new HutchError(message, { code: 'USAGE_INVALID', hint });
}
