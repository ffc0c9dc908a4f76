/** `--change` of an import or a commit: one Dockerfile instruction that sets a default of the image; pure code, in the CLI process. */
import { HutchError } from '../../errors/hutch-error.ts';
import type { ImageDefaults } from '../../oci/image.ts';
import { parseSignal } from '../container/parse-signal.ts';
import { parseHealthInstruction } from './health-instruction.ts';
import { jsonListOf } from './json-list.ts';

const MAX_PORT = 65_535;

type Apply = (defaults: ImageDefaults, rest: string) => ImageDefaults;

const INSTRUCTIONS: Readonly<Record<string, Apply>> = {
  CMD: (defaults, rest) => ({ ...defaults, Cmd: commandOf(rest) }),
  ENTRYPOINT: (defaults, rest) => ({ ...defaults, Entrypoint: commandOf(rest) }),
  ENV: (defaults, rest) => ({ ...defaults, Env: withVariables(defaults.Env ?? [], pairsOf(rest)) }),
  EXPOSE: (defaults, rest) => ({
    ...defaults,
    ExposedPorts: { ...defaults.ExposedPorts, ...setOf(wordsOf(rest).flatMap(portsOf)) },
  }),
  HEALTHCHECK: (defaults, rest) => ({ ...defaults, Healthcheck: parseHealthInstruction(rest) }),
  LABEL: (defaults, rest) => ({ ...defaults, Labels: { ...defaults.Labels, ...Object.fromEntries(pairsOf(rest)) } }),
  ONBUILD: (defaults, rest) => ({ ...defaults, OnBuild: [...(defaults.OnBuild ?? []), laterInstruction(rest)] }),
  STOPSIGNAL: (defaults, rest) => ({ ...defaults, StopSignal: signalOf(rest) }),
  USER: (defaults, rest) => ({ ...defaults, User: rest }),
  VOLUME: (defaults, rest) => ({
    ...defaults,
    Volumes: { ...defaults.Volumes, ...setOf(jsonListOf(rest) ?? wordsOf(rest)) },
  }),
  WORKDIR: (defaults, rest) => ({ ...defaults, WorkingDir: directoryOf(defaults.WorkingDir ?? '/', rest) }),
};

/** `changes` applied to `before`, in order: `CMD ["sh"]`, `ENV A=1 B="two words"`, `CMD=sh`. USAGE_INVALID quotes the one it cannot read. */
export function defaultsFromChanges(changes: readonly string[], before: ImageDefaults = {}): ImageDefaults {
  return changes.reduce<ImageDefaults>(applyChange, before);
}

function applyChange(defaults: ImageDefaults, change: string): ImageDefaults {
  const parts = /^\s*([A-Za-z]+)(?:\s*=\s*|\s+)([\s\S]*\S)\s*$/u.exec(change);
  const apply = INSTRUCTIONS[parts?.[1]?.toUpperCase() ?? ''];
  if (apply === undefined)
    throw invalid(change, `begin with one of ${Object.keys(INSTRUCTIONS).join(', ')} and a value`);
  try {
    return apply(defaults, parts?.[2] ?? '');
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw invalid(change, error.message, error);
  }
}

function invalid(change: string, hint: string, cause?: unknown): HutchError {
  return new HutchError(`--change "${change}" cannot be read`, {
    code: 'USAGE_INVALID',
    hint,
    cause,
    context: { change },
  });
}

/** A JSON list is the command itself; anything else is a line for the shell. */
function commandOf(rest: string): readonly string[] {
  return jsonListOf(rest) ?? ['/bin/sh', '-c', rest];
}

/** `A=1 B="two words"`, or the old form `A all the rest`. */
function pairsOf(rest: string): [key: string, value: string][] {
  const words = wordsOf(rest);
  if (words[0]?.includes('=') !== true) {
    const old = /^(\S+)\s+([\s\S]+)$/u.exec(rest);
    if (old?.[1] === undefined || old[2] === undefined) throw new RangeError('give KEY=VALUE');
    return [[old[1], old[2]]];
  }
  return words.map((word) => {
    const split = word.indexOf('=');
    if (split < 1) throw new RangeError(`give KEY=VALUE instead of "${word}"`);
    return [word.slice(0, split), word.slice(split + 1)];
  });
}

function withVariables(variables: readonly string[], pairs: readonly [string, string][]): string[] {
  const all = new Map(variables.map((variable): [string, string] => [variable.split('=', 1).join(), variable]));
  for (const [key, value] of pairs) all.set(key, `${key}=${value}`);
  return [...all.values()];
}

/** Words apart at spaces; quotes keep spaces, a backslash keeps the next character. */
function wordsOf(text: string): string[] {
  const word = /(?:[^\s"'\\]|\\[\s\S]|"(?:[^"\\]|\\[\s\S])*"|'[^']*')+/gu;
  if (text.replace(word, '').trim() !== '') throw new RangeError('close the quotes');
  return (text.match(word) ?? []).map(unquoted);
}

function unquoted(word: string): string {
  return word.replace(
    /\\([\s\S])|"((?:[^"\\]|\\[\s\S])*)"|'([^']*)'/gu,
    (_all, escaped?: string, double?: string, single?: string) => {
      return escaped ?? double?.replace(/\\(["\\$])/gu, '$1') ?? single ?? '';
    },
  );
}

/** `80`, `53/udp` and `8000-8010`. */
function portsOf(word: string): string[] {
  const [, start = '', end = start, protocol = 'tcp'] =
    /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/u.exec(word) ?? [];
  const [first, last] = [Number(start), Number(end)];
  if (start === '' || last > MAX_PORT || last < first)
    throw new RangeError(`give a port such as 80 or 53/udp, or a range such as 8000-8010, instead of "${word}"`);
  return Array.from({ length: last - first + 1 }, (_, index) => `${String(first + index)}/${protocol}`);
}

/** As it is written: whoever starts a container of the image reads it again. */
function signalOf(text: string): string {
  parseSignal('STOPSIGNAL', text);
  return text;
}

/** What makes no sense in an image that is built on this one is refused, as docker does. */
function laterInstruction(rest: string): string {
  const [, word = ''] = /^([A-Za-z]+)\s+\S/u.exec(rest) ?? [];
  if (word === '') throw new RangeError('give an instruction, such as ONBUILD RUN make');
  if (/^(?:onbuild|from|maintainer)$/iu.test(word)) throw new RangeError(`ONBUILD cannot be followed by ${word}`);
  return rest;
}

function directoryOf(before: string, path: string): string {
  return path.startsWith('/') ? path : `${before.replace(/\/$/u, '')}/${path}`;
}

function setOf(keys: readonly string[]): Record<string, object> {
  return Object.fromEntries(keys.map((key) => [key, {}]));
}
