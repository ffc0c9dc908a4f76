/** Adapts what a command declares to what oclif's parser must be told for docker's habits; pure, CLI process. */

import type { Flag, Input } from '@oclif/core/interfaces';
import type { FlagShapes } from './arguments.ts';

type Values = Record<string, unknown>;

/** What a flag may mean although it is not given. Source: FlagProps of @oclif/core. */
const MEANT_UNGIVEN = ['default', 'env', 'required', 'exactlyOne', 'atLeastOne'] as const;

/** The flags of `definition`, as they were declared. */
export function shapesOf<F extends Values, B extends Values, A extends Values>({
  baseFlags,
  flags,
}: Input<F, B, A>): FlagShapes {
  return { ...baseFlags, ...flags };
}

/**
 * A copy of `definition` in which every boolean may be negated (`--rm=false` is handed on as `--no-rm`), no repeatable
 * flag swallows the words after its value, and no missing argument is read from stdin, which belongs to the payload.
 * Of the flags it has those of `given`, and those that mean something though they are not given: oclif works on all that it knows, which for the
 * hundred and more of `run` takes longer than all else about them.
 */
export function prepareInput<F extends Values, B extends Values, A extends Values>(
  definition: Input<F, B, A>,
  given: ReadonlySet<string>,
): Input<F, B, A> {
  const flags: Record<string, Flag<unknown>> = {};
  for (const [name, shape] of Object.entries(shapesOf(definition))) {
    const flag = shape as Flag<unknown>;
    if (given.has(name) || MEANT_UNGIVEN.some((key) => flag[key] !== undefined && flag[key] !== false))
      flags[name] = prepareFlag(flag);
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

function prepareFlag(flag: Flag<unknown>): Flag<unknown> {
  return flag.type === 'boolean' ? { ...flag, allowNo: true } : { ...flag, multipleNonGreedy: true };
}
