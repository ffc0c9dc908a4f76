/** Telling a user something once for each login; on the host's side. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bootId } from '../../host/process-identity.ts';
import { readSession, type SessionFacts } from '../../host/session.ts';
import { writeTextFile } from '../../state/json-file.ts';
import type { Store } from '../../state/store.ts';

/** In the run directory, which goes at logout or boot, one for each topic: the login that was told already. */
export const TOLD_FILES = { life: 'told-life', ports: 'told-ports' } as const;

export interface News {
  readonly topic: keyof typeof TOLD_FILES;
  /** Null: there is nothing to say. */
  readonly text: string | null;
}

/** Calls `tell` when there is something to say and this login has not heard of that topic. */
export function tellOnce(
  store: Store,
  { topic, text }: News,
  tell: (text: string) => void,
  facts: SessionFacts = readSession(),
): void {
  if (text === null) return;
  const path = join(store.run, TOLD_FILES[topic]);
  const login = loginOf(facts);
  if (readTold(path) === login) return;
  tell(text);
  try {
    writeTextFile(path, login, { durable: false });
  } catch {
    // Then it is said again.
  }
}

/** Names this boot and this session. */
export function loginOf({ session }: Pick<SessionFacts, 'session'>): string {
  return `${bootId()} ${session ?? ''}\n`;
}

function readTold(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
