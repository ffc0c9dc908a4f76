/** Work on an init that may fail or be killed at any moment; in the monitor, or in the CLI for `exec`. */
import { identifyProcess } from '../host/process-identity.ts';
import { SyscallError } from '../syscall/syscall-error.ts';

/**
 * Does `work` on the process `pid`, as the host counts. When that fails because the process is gone, or on its way out, returns why; what else
 * `work` throws is thrown. Its own last line, or the end of the chain, then says what has become of it.
 */
export function unlessGone(pid: number, work: () => void): string | undefined {
  try {
    work();
    return undefined;
  } catch (cause) {
    // One that is on its way out has no memory any more, and answers EPERM for a moment.
    if (!(cause instanceof SyscallError) && identifyProcess(pid) !== undefined) throw cause;
    return `init is gone (${cause instanceof Error ? cause.message : String(cause)})`;
  }
}
