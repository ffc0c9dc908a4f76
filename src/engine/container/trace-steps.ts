/** `hutch run --trace`: the steps as they are done, with their times; pure, on the host's side. */
import { describeStep } from '../../plan/render/describe-step.ts';
import { shortPaths } from '../../plan/render/short-paths.ts';
import type { Plan } from '../../plan/step.ts';

export interface Trace {
  /** Sentences that stand above the list. */
  begin(notes: readonly string[]): void;
  /** One step, `place` from 1. `microseconds` is null for a step that init cannot report. */
  step(place: number, text: string, microseconds: number | null): void;
}

const UNTIMED_NOTE =
  'Steps without a time come behind the system call filter or replace init: nothing is left that could report them.';

/** What to call for each step that init has done. The steps after the last one it can report follow that one at once. */
export function traceSteps(plan: Plan, trace: Trace): (index: number, microseconds: number) => void {
  const { legend, shorten } = shortPaths(plan);
  const lines = plan.steps.map((step) => shorten(describeStep(step)));
  const firstUntimed = plan.steps.findIndex(({ kind }) => kind === 'seccomp' || kind === 'execve');
  trace.begin([...(legend === null ? [] : [legend]), UNTIMED_NOTE]);
  return (index, microseconds) => {
    trace.step(index + 1, lines[index] ?? '', microseconds);
    if (index + 1 !== firstUntimed) return;
    for (const [offset, line] of lines.slice(firstUntimed).entries()) trace.step(firstUntimed + offset + 1, line, null);
  };
}
