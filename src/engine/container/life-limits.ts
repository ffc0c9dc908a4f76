/** What a container's life depends on beyond itself; pure. */
import type { SessionFacts } from '../../host/session.ts';

const LINGER = 'loginctl enable-linger (ask an admin if that is refused)';

/** A sentence about what ends it, with the remedy; null when only the end of the host does. */
export function lifeLimit(facts: SessionFacts, runDirectory: string): string | null {
  const { uid, hasSystemd, session, isInUserManager, lingers, killsProcesses } = facts;
  if (uid === 0 || !hasSystemd) return null;
  if (session !== null && killsProcesses !== false) {
    const verb = killsProcesses === null ? 'may end' : 'ends';
    return `the container ${verb} with login session ${session}: logind kills what a session leaves behind; start it by systemd-run --user --scope hutch run -d …${lingers ? '' : `, after ${LINGER}`}`;
  }
  // A session that processes are left of stays, and with it all that the user has.
  if (session !== null || lingers) return null;
  if (isInUserManager) return `the container ends when you have logged out everywhere; to keep it: ${LINGER}`;
  if (!runDirectory.startsWith('/run/user/')) return null;
  return `when you have logged out everywhere, ${runDirectory} goes, and hutch cannot reach the container any more; to keep it: ${LINGER}`;
}
