/** `--log-opt labels=…` and the like, and what `hutch logs --details` makes of them; pure. */
import { badValue } from './parse-values.ts';

/** The options of docker's that name what of a container stands before its lines: lists of names, or patterns for them. */
export const DETAIL_KEYS = ['labels', 'labels-regex', 'env', 'env-regex'] as const;

export type DetailOptions = Readonly<Partial<Record<(typeof DETAIL_KEYS)[number], string>>>;

/** Those among the options of a log. USAGE_INVALID for a pattern that is none. */
export function parseDetails(options: ReadonlyMap<string, string>): DetailOptions {
  const given = DETAIL_KEYS.flatMap((key): [string, string][] => {
    const value = options.get(key);
    if (value !== undefined && key.endsWith('-regex')) requirePattern(key, value);
    return value === undefined || value === '' ? [] : [[key, value]];
  });
  return Object.fromEntries(given);
}

function requirePattern(key: string, text: string): void {
  try {
    new RegExp(text, 'u');
  } catch {
    throw badValue(`--log-opt ${key}`, text, 'a regular expression');
  }
}

/** What a container has that its log may name. */
export interface Named {
  readonly labels: Readonly<Record<string, string>>;
  /** `NAME=VALUE`. */
  readonly env: readonly string[];
}

/** What stands before each line, with the space behind it: `a=1,b=2 `, by name, as in a URL's query. Source: docker logs --details. */
export function detailText(options: DetailOptions, { labels, env }: Named): string {
  const variables = Object.fromEntries(env.map(splitVariable));
  const chosen = {
    ...choose(labels, options.labels, options['labels-regex']),
    ...choose(variables, options.env, options['env-regex']),
  };
  const pairs = Object.entries(chosen).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${pairs.map((pair) => pair.map(escaped).join('=')).join(',')} `;
}

function splitVariable(text: string): [string, string] {
  const at = text.indexOf('=');
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function choose(
  all: Readonly<Record<string, string>>,
  names: string | undefined,
  pattern: string | undefined,
): Record<string, string> {
  const listed = new Set(names?.split(','));
  const regex = pattern === undefined ? undefined : new RegExp(pattern, 'u');
  return Object.fromEntries(Object.entries(all).filter(([name]) => listed.has(name) || regex?.test(name) === true));
}

/** As a form's value: a space is a plus. */
function escaped(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1).replaceAll('*', '%2A').replaceAll('%7E', '~');
}
