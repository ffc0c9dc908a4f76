/** Adapts what a command declares to what oclif's parser must be told for docker's habits; pure, CLI process. */

import type { Flag, Input } from '@oclif/core/interfaces';
import type { FlagShapes } from './arguments.ts';

type Values = Record<string, unknown>;

/** The flags of `definition`, as they were declared. */
export function shapesOf<F extends Values, B extends Values, A extends Values>({
  baseFlags,
  flags,
}: Input<F, B, A>): FlagShapes {
  return { ...baseFlags, ...flags };
}

/**
 * A copy of `definition`, whose flags are `shapes`, in which every boolean may be negated (`--rm=false` is handed on as `--no-rm`), no repeatable
 * flag swallows the words after its value, and no missing argument is read from stdin, which belongs to the payload.
 * Of the flags it has those of `given`, and those that mean something though they are not given: oclif works on all that it knows, which for the
 * hundred and more of `run` takes longer than all else about them.
 */
export function prepareInput<F extends Values, B extends Values, A extends Values>(
  definition: Input<F, B, A>,
  shapes: FlagShapes,
  given: ReadonlySet<string>,
): Input<F, B, A> {
  const flags: Record<string, Flag<unknown>> = {};
  for (const [name, shape] of Object.entries(shapes)) {
    const flag = shape as Flag<unknown>;
    if (given.has(name) || isMeantUngiven(flag)) flags[name] = prepareFlag(flag);
  }
  const args = Object.fromEntries(
    Object.entries(definition.args ?? {}).map(([name, argument]) => [
      name,
      { ...(argument as object), ignoreStdin: true },
    ]),
  );
  return { flags, args, constraints: definition.constraints } as unknown as Input<F, B, A>;
}

/** Writes false for every boolean that was not given: oclif types it as a boolean and leaves it undefined. */
export function fillBooleans(flags: Values, shapes: FlagShapes): void {
  for (const [name, { type }] of Object.entries(shapes)) if (type === 'boolean') flags[name] ??= false;
}

/** Source: FlagProps of @oclif/core. */
function isMeantUngiven({ default: value, env, required, exactlyOne, atLeastOne }: Flag<unknown>): boolean {
  if (exactlyOne !== undefined || atLeastOne !== undefined || env !== undefined) return true;
  return required === true || (value !== undefined && value !== false);
}

function prepareFlag(flag: Flag<unknown>): Flag<unknown> {
  return flag.type === 'boolean' ? { ...flag, allowNo: true } : { ...flag, multipleNonGreedy: true };
}
