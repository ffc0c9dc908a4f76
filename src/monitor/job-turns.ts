/**
 * Taking turns at the user's terminal, as the kernel has jobs do it. It cannot do so with a monitor: that has a session of its own, to which
 * the terminal is a file like any other. The waiting shell stands for it in the user's job. In the monitor of a `run` in the foreground.
 */
import { fstatSync } from 'node:fs';
import { jobOf } from '../host/process-identity.ts';

/** Device number of /dev/tty: whatever the controlling terminal is. */
const ANY_TERMINAL = 5 << 8;

/**
 * Calls `take` when the shell's job is in the foreground of the terminal on stdin, now or after a SIGCONT, and `leave` when the job is stopped
 * by the user (SIGTSTP). A job in the background is stopped by SIGTTIN, as one that reads there itself. Source: setpgid(2), termios(3).
 */
export function takeTurns(shell: number, take: () => void, leave: () => void): Disposable {
  let hasTurn = false;
  const look = (): void => {
    const job = backgroundJob(shell);
    if (job !== undefined) stop(job);
    else if (!hasTurn) take();
    hasTurn = job === undefined;
  };
  const pause = (): void => {
    if (hasTurn) leave();
    hasTurn = false;
  };
  process.on('SIGCONT', look).on('SIGTSTP', pause);
  look();
  return {
    [Symbol.dispose]: () => {
      process.off('SIGCONT', look).off('SIGTSTP', pause);
    },
  };
}

/** The shell's process group, when the turn at the terminal on stdin is another's. */
function backgroundJob(shell: number): number | undefined {
  const job = jobOf(shell);
  if (job === undefined || job.foreground === job.processGroup) return undefined;
  return [job.terminal, ANY_TERMINAL].includes(fstatSync(0).rdev) ? job.processGroup : undefined;
}

function stop(processGroup: number): void {
  try {
    process.kill(-processGroup, 'SIGTTIN');
  } catch {
    // It has ended.
  }
}
