/** Reads fields of untrusted JSON and says where it is wrong; pure. Paths look like `profile.json: syscalls[3].action`. */

import { HutchError } from '../../errors/hutch-error.ts';

type Fields = Readonly<Record<string, unknown>>;

/** The error for what stands at `path`; its message is the path and the problem. */
export function invalidAt(path: string, problem: string, hint?: string): HutchError {
  return new HutchError(`${path}: ${problem}`, {
    code: 'USAGE_INVALID',
    ...(hint === undefined ? {} : { hint }),
    context: { path },
  });
}

/** The fields of the object `value`, null ones left out; throws USAGE_INVALID for a field that is not in `known`. */
export function fieldsAt(path: string, value: unknown, known: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalidAt(path, 'is not an object');
  const fields = Object.entries(value).filter(([, field]) => field !== null);
  const [unknown] = fields.find(([name]) => !known.includes(name)) ?? [];
  if (unknown !== undefined) {
    throw invalidAt(path, `unknown field "${unknown}"`, `Remove it; the fields here are ${known.join(', ')}.`);
  }
  return Object.fromEntries(fields);
}

/** The elements of the array `value` with the path of each; none when it is absent. */
export function elementsAt(path: string, value: unknown): { readonly path: string; readonly value: unknown }[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw invalidAt(path, 'is not an array');
  return value.map((element: unknown, index) => ({ path: `${path}[${index}]`, value: element }));
}

export function stringAt(path: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw invalidAt(path, 'is not a non-empty string');
  return value;
}

export function stringsAt(path: string, value: unknown): string[] {
  return elementsAt(path, value).map((element) => stringAt(element.path, element.value));
}

/** The word `value`, which must be one of `words`; `what` names their kind in the error. */
export function wordAt<Word extends string>(path: string, value: unknown, what: string, words: readonly Word[]): Word {
  const text = stringAt(path, value);
  const word = words.find((candidate) => candidate === text);
  if (word === undefined) throw invalidAt(path, `unknown ${what} "${text}"`, `Use one of ${words.join(', ')}.`);
  return word;
}

/** The whole number `value` from 0 to `maximum`, both included. */
export function integerAt(path: string, value: unknown, maximum: number): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= maximum) return value;
  throw invalidAt(path, `${JSON.stringify(value)} is not a whole number from 0 to ${maximum}`);
}
