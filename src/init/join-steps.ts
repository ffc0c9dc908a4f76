/** How a running container is entered; in init, on the host's side of it: only a child of ours will be in its pid namespace. */
import type { Step } from '../plan/step.ts';
import { joinNamespacesOf } from '../syscall/join.ts';
import { SyscallError } from '../syscall/syscall-error.ts';
import { StepError, type Context } from './context.ts';

/** Joins the namespaces of `flags` at once. ESRCH when the process is not the one that was meant. */
export function joinNamespaces(context: Context, step: Step<'join_namespaces'>, flags: number): void {
  try {
    context.container = joinNamespacesOf(context.syscalls, step, flags);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new StepError({ syscall: error.syscall, errno: error.code, detail: `process ${String(step.pid)}` });
  }
}
