/** A container's /etc/resolv.conf goes along when the host's changes, as with a VPN; in its monitor, on the host's side. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { composeResolver, HOST_RESOLVER, readHostResolver, type ResolverSettings } from '../host/resolver.ts';
import type { Plan } from '../plan/step.ts';
import { PathWatch } from './watch-path.ts';

const FILE = 'resolv.conf';
/** What hutch has written there last, where that is not what the plan says. */
const KEPT = 'resolv.conf.kept';

export interface FollowedResolver {
  /** The container's. */
  readonly directory: string;
  readonly plan: Plan;
  readonly settings: ResolverSettings;
  /** The host's file. */
  readonly source?: string;
}

/** Brings the file up to date, and again whenever the host's has changed. */
export function followResolver(followed: FollowedResolver): Disposable {
  const { servers, search, options } = followed.settings;
  if (servers !== null && search !== null && options !== null) return { [Symbol.dispose]: () => undefined };
  const watch = new PathWatch(followed.source ?? HOST_RESOLVER, () => {
    refreshResolver(followed);
  });
  // Not before: what changes in between would go unheard.
  refreshResolver(followed);
  return watch;
}

/** Writes the file anew, in place as it is bound, unless somebody has changed it since hutch wrote it. True when it has. */
export function refreshResolver({ directory, plan, settings, source }: FollowedResolver): boolean {
  const [file, kept] = [join(directory, FILE), join(directory, KEPT)];
  const last = readIfThere(kept) ?? plan.prepare.files.find(({ path }) => path === file)?.content;
  const wanted = composeResolver(readHostResolver(source), settings);
  if (last === undefined || wanted === last || !isUntouched(file, last)) return false;
  try {
    writeFileSync(file, wanted);
    writeFileSync(kept, wanted, { mode: 0o600 });
    return true;
  } catch {
    // Its owner has changed, or the disk is full: the container goes on with what it has.
    return false;
  }
}

/** The container may have made it as large as it likes. */
function isUntouched(file: string, last: string): boolean {
  const size = statSync(file, { throwIfNoEntry: false })?.size;
  return size === Buffer.byteLength(last) && readIfThere(file) === last;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
