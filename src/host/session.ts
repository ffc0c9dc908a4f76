/** What ends the processes of a user when they log out: the session, logind, the user's manager; on the host's side. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { ownControlGroup } from './burden.ts';

export interface SessionFacts {
  readonly uid: number;
  /** systemd runs this host. */
  readonly hasSystemd: boolean;
  /** The login session that the process belongs to; null when it belongs to none. */
  readonly session: string | null;
  /** It belongs to the user's own systemd. */
  readonly isInUserManager: boolean;
  /** The user's manager and runtime directory stay without a session. */
  readonly lingers: boolean;
  /** logind ends what a session leaves behind; null when nobody says so. */
  readonly killsProcesses: boolean | null;
}

/** Where settings of logind may stand, the ones that win last. Source: logind.conf(5). */
const LOGIND_CONFIGS = ['usr/lib/systemd/logind.conf', 'etc/systemd/logind.conf'];
const LOGIND_PARTS = ['usr/lib/systemd/logind.conf.d', 'run/systemd/logind.conf.d', 'etc/systemd/logind.conf.d'];

/**
 * @param root another root than `/`, for tests.
 * @param pid the process whose session it is; this one when left out.
 */
export function readSession(root = '/', uid = process.getuid?.() ?? 0, pid: number | 'self' = 'self'): SessionFacts {
  const groups = readIfThere(join(root, 'proc', String(pid), 'cgroup'));
  const session = /^[^\n]*\/session-([^/\n]+)\.scope/mu.exec(groups)?.[1] ?? null;
  return {
    uid,
    hasSystemd: existsSync(join(root, 'run/systemd/system')),
    session,
    isInUserManager: session === null && groups.includes(`/user@${String(uid)}.service/`),
    lingers: lingers(root),
    killsProcesses: killsProcesses(root),
  };
}

/** The control group of a process, as ownControlGroup() names it; null when the process is gone. */
export function controlGroupOf(pid: number): string | null {
  return ownControlGroup(readIfThere(join('/proc', String(pid), 'cgroup')));
}

/** Source: loginctl(1), enable-linger. */
function lingers(root: string): boolean {
  try {
    return existsSync(join(root, 'var/lib/systemd/linger', userInfo().username));
  } catch {
    // An id without a name has no session either.
    return false;
  }
}

/** What is set counts; otherwise the built-in value, which distributions leave in a comment. */
function killsProcesses(root: string): boolean | null {
  const parts = LOGIND_PARTS.flatMap((directory) => filesIn(join(root, directory)));
  const texts = [...LOGIND_CONFIGS.map((path) => join(root, path)), ...parts].map(readIfThere);
  const set = lastValue(texts, /^\s*KillUserProcesses\s*=\s*(\S+)/gmu);
  const word = set ?? lastValue(texts, /^\s*#\s*KillUserProcesses\s*=\s*(\S+)/gmu);
  return word === undefined ? null : ['yes', 'true', '1', 'on'].includes(word.toLowerCase());
}

function lastValue(texts: readonly string[], pattern: RegExp): string | undefined {
  return texts.flatMap((text) => [...text.matchAll(pattern)]).at(-1)?.[1];
}

function filesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith('.conf'))
      .sort()
      .map((name) => join(directory, name));
  } catch {
    return [];
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
