/** What this kernel answers about Landlock; in the calling process. */
import { openSyscalls } from '../syscall/syscalls.ts';

/** The ABI version of Landlock, 0 where the kernel has none. Source: landlock_create_ruleset(2). */
export function landlockAbi(): number {
  return openSyscalls().landlockAbi();
}
