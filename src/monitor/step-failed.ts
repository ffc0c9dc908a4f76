/** From what init says about a failed step to the error that the user reads; pure, in the monitor. */
import { getSystemErrorMap } from 'node:util';
import { HutchError } from '../errors/hutch-error.ts';
import { hintForStep } from '../plan/hints.ts';
import { describeStep } from '../plan/render/describe-step.ts';
import type { Plan, Step } from '../plan/step.ts';
import type { StepFailure } from '../protocol/messages.ts';

/**
 * STEP_FAILED (STORAGE_FULL when it is that) with step, system call, errno, reason and remedy; COMMAND_NOT_FOUND or
 * COMMAND_NOT_EXECUTABLE when the payload could not be executed, or not in its directory; undefined when the plan has no such step.
 */
export function stepFailed(plan: Pick<Plan, 'steps'>, failure: StepFailure): HutchError | undefined {
  if (failure.index < 0) return commandFailed(failure);
  const step = plan.steps[failure.index];
  if (step === undefined) return undefined;
  const { syscall, errno, detail } = failure;
  const number = failure.index + 1;
  const does = describeStep(step);
  const place = detail === '' || does.includes(detail) ? '' : ` at ${detail}`;
  const head = `step ${String(number)} of ${String(plan.steps.length)} failed with ${errno}${inWords(errno)} from ${syscall}${place}`;
  return new HutchError(`${head}: ${does}. It is there for this: ${step.why.text} [${step.why.spec}]`, {
    code: codeOf(step, errno),
    hint: hintForStep(step.kind, errno, { detail, isTarget: targetOf(step) === detail }),
    context: { step: number, kind: step.kind, syscall, errno, spec: step.why.spec },
  });
}

/** Without its directory a command cannot be executed: runc, and so docker and podman, make no difference. */
function codeOf(
  { kind }: Step,
  errno: string,
): 'STORAGE_FULL' | 'STEP_FAILED' | 'COMMAND_NOT_FOUND' | 'COMMAND_NOT_EXECUTABLE' {
  if (errno === 'ENOSPC') return 'STORAGE_FULL';
  if (kind !== 'change_directory') return 'STEP_FAILED';
  if (errno === 'ENOENT') return 'COMMAND_NOT_FOUND';
  return errno === 'ENOTDIR' || errno === 'EACCES' ? 'COMMAND_NOT_EXECUTABLE' : 'STEP_FAILED';
}

function inWords(errno: string): string {
  const known = [...getSystemErrorMap().values()].find(([name]) => name === errno);
  return known === undefined ? '' : ` (${known[1]})`;
}

/** The place inside the container that a step is about, where it is not a path of the host as well. */
function targetOf(step: Step): string | undefined {
  if (step.kind === 'bind' && step.source === step.target) return undefined;
  if (step.kind === 'change_directory' && step.mustExist === true) return undefined;
  return 'target' in step ? step.target : undefined;
}

function commandFailed({ errno, detail }: StepFailure): HutchError {
  if (errno === 'ENOENT' || errno === 'ENOTDIR') {
    return new HutchError(`"${detail}" is not in the container`, {
      code: 'COMMAND_NOT_FOUND',
      hint: hintForStep('execve', 'ENOENT'),
    });
  }
  return new HutchError(`"${detail}" cannot be executed in the container: ${errno}${inWords(errno)}`, {
    code: 'COMMAND_NOT_EXECUTABLE',
    hint: hintForStep('execve', errno),
  });
}
