/** Adapts what a command declares to what oclif's parser must be told for docker's habits; pure, CLI process. */

import type { Flag, Input } from '@oclif/core/interfaces';
import type { FlagShapes } from './arguments.ts';

type Values = Record<string, unknown>;

/**
 * A copy of `definition` in which every boolean may be negated (`--rm=false` is handed on as `--no-rm`), no repeatable
 * flag swallows the words after its value, and no missing argument is read from stdin, which belongs to the payload.
 */
export function prepareInput<F extends Values, B extends Values, A extends Values>(
  definition: Input<F, B, A>,
): { readonly input: Input<F, B, A>; readonly shapes: FlagShapes } {
  const flags = mapValues<Flag<unknown>>(definition.flags, prepareFlag);
  const baseFlags = mapValues<Flag<unknown>>(definition.baseFlags, prepareFlag);
  const args = mapValues<object>(definition.args, (argument) => ({ ...argument, ignoreStdin: true }));
  const input = { flags, baseFlags, args, constraints: definition.constraints } as unknown as Input<F, B, A>;
  return { input, shapes: { ...baseFlags, ...flags } };
}

/** Writes false for every boolean that was not given: oclif types it as a boolean and leaves it undefined. */
export function fillBooleans(flags: Values, shapes: FlagShapes): void {
  for (const [name, { type }] of Object.entries(shapes)) if (type === 'boolean') flags[name] ??= false;
}

function prepareFlag(flag: Flag<unknown>): Flag<unknown> {
  return flag.type === 'boolean' ? { ...flag, allowNo: true } : { ...flag, multipleNonGreedy: true };
}

function mapValues<T>(record: object | undefined, change: (value: T) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(record ?? {}).map(([name, value]) => [name, change(value as T)]));
}
