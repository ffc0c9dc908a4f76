/** A process of nearly nothing that stays in the login session when the monitor leaves it for a scope; in the monitor, on the host's side. */
import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { identifyProcess, type ProcessIdentity } from '../host/process-identity.ts';
import { readSession, type SessionFacts } from '../host/session.ts';

export interface SessionAnchor extends Disposable {
  readonly identity: ProcessIdentity;
}

/**
 * A scope belongs to the manager of the user, which ends after the last session of one who does not linger, and takes the scope along. A
 * session lasts as long as a process is in it, unless logind kills what is left: so one stays, and a container that runs on its own
 * outlives the logout, as it does without a cgroup. Null where that is of no use.
 */
export function anchorSession(facts: SessionFacts = readSession()): SessionAnchor | null {
  if (!isWorthAnchoring(facts)) return null;
  // It ends with the monitor, whose end of the pipe closes.
  const child = spawn('sh', ['-p', '-c', 'read -r _', 'hutch-session'], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: {},
    cwd: '/',
    detached: true,
  });
  child.on('error', () => undefined);
  child.stdin.on('error', () => undefined);
  child.unref();
  const pipe: unknown = child.stdin;
  if (pipe instanceof Socket) pipe.unref();
  const identity = child.pid === undefined ? undefined : identifyProcess(child.pid);
  if (identity === undefined) return null;
  return { identity, [Symbol.dispose]: () => void child.kill('SIGKILL') };
}

/** Whether the session would go on with a process that stays in it. */
export function isWorthAnchoring({ uid, session, lingers, killsProcesses }: SessionFacts): boolean {
  return uid !== 0 && session !== null && !lingers && killsProcesses === false;
}
