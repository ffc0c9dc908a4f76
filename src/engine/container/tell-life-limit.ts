/** Telling a user once for each login what the life of a container depends on; on the host's side. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isWorthAnchoring } from '../../monitor/session-anchor.ts';
import { bootId } from '../../host/process-identity.ts';
import { readSession, type SessionFacts } from '../../host/session.ts';
import { writeTextFile } from '../../state/json-file.ts';
import type { Store } from '../../state/store.ts';
import { lifeLimit } from './life-limits.ts';

/** In the run directory, which goes at logout or boot: the login that was told already. */
export const TOLD_FILE = 'told-life';

/** Calls `tell` when there is something to say and this login has not heard it. */
export function tellLifeLimit(
  store: Store,
  tell: (text: string) => void,
  { facts = readSession(), isInScope = false }: { readonly facts?: SessionFacts; readonly isInScope?: boolean } = {},
): void {
  // Its scope belongs to the user's manager, whatever session it is started from.
  const own = isInScope && !isWorthAnchoring(facts) ? { ...facts, session: null, isInUserManager: true } : facts;
  const text = lifeLimit(own, store.run);
  const login = loginOf(facts);
  if (text === null || readTold(store) === login) return;
  tell(text);
  try {
    writeTextFile(join(store.run, TOLD_FILE), login, { durable: false });
  } catch {
    // Then it is said again.
  }
}

/** Names this boot and this session. */
export function loginOf({ session }: Pick<SessionFacts, 'session'>): string {
  return `${bootId()} ${session ?? ''}\n`;
}

function readTold(store: Store): string | undefined {
  try {
    return readFileSync(join(store.run, TOLD_FILE), 'utf8');
  } catch {
    return undefined;
  }
}
