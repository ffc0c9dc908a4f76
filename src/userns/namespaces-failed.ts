/** The error for namespaces that the host does not give; pure. */
import { HutchError } from '../errors/hutch-error.ts';

/** USERNS_FAILED with what the helper said. unshare(2) fails with ENOSPC when a limit on namespaces is reached. */
export function namespacesFailed(said: string): HutchError {
  return new HutchError(`cannot make the namespaces of the container: ${said}`, {
    code: 'USERNS_FAILED',
    hint: said.includes('No space left on device')
      ? 'a limit on namespaces is reached: ask an admin to raise it (`sysctl user` lists user.max_user_namespaces and its siblings)'
      : 'run `hutch doctor`: it tries each part and names the fix',
  });
}

/** USERNS_FAILED with what the helper said that should have entered a running container. */
export function enteringFailed(said: string): HutchError {
  return new HutchError(`cannot enter the container: ${said === '' ? 'its helpers ended without a word' : said}`, {
    code: 'USERNS_FAILED',
    hint: 'see by `hutch ps` whether it still runs; `hutch doctor` tells what this host lacks',
  });
}
