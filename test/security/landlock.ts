/** Whether this kernel has Landlock, for tests that need it. */

import { openSyscalls } from '../../src/syscall/syscalls.ts';

/** Its ABI; 0 without it. Source: landlock_create_ruleset(2). */
export function landlockAbi(): number {
  return openSyscalls().landlockAbi();
}
