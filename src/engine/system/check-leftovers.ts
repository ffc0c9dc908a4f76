/** `hutch check`: what a crash has left, and mending it; in the CLI process. Safe beside other hutch processes. */
import { existsSync } from 'node:fs';
import { isHutchError, printable } from '../../errors/hutch-error.ts';
import { locateStore, type Store } from '../../state/store.ts';
import { openOwnStore } from '../container/open-own-store.ts';
import { findCgroupLeftovers } from './check/cgroup-leftovers.ts';
import { findContainerLeftovers } from './check/container-leftovers.ts';
import { findLocks, findSockets, findTemporaryFiles } from './check/file-leftovers.ts';
import { findImageLeftovers, findStaging } from './check/image-leftovers.ts';
import type { Leftover } from './check/leftover.ts';
import { findNameLeftovers } from './check/name-leftovers.ts';
import { findNetworkLeftovers } from './check/network-leftovers.ts';

export interface CheckedLeftover extends Omit<Leftover, 'mend' | 'hint'> {
  /** `open` when nobody tried; `kept` when it is there still, and `reason` says why. */
  readonly outcome: 'open' | 'mended' | 'kept';
  readonly reason: string | null;
}

/** Everything that is left over; what somebody is just making is not. Mends it with `repair`. STORE_INSECURE, LOCK_TIMEOUT. */
export async function checkLeftovers({ repair }: { readonly repair: boolean }): Promise<CheckedLeftover[]> {
  // Where nothing was ever stored nothing is made for the check.
  if (!existsSync(locateStore().root)) return [];
  const { store } = await openOwnStore();
  const found = await findAll(store);
  if (!repair) return found.map((leftover) => told(leftover, 'open', leftover.hint ?? null));
  const tried: { readonly leftover: Leftover; readonly failure: string | null }[] = [];
  for (const leftover of found) tried.push({ leftover, failure: await tryToMend(leftover) });
  const left = new Set((await findAll(store)).map(keyOf));
  return tried.map(({ leftover, failure }) =>
    left.has(keyOf(leftover)) ? told(leftover, 'kept', failure) : told(leftover, 'mended', null),
  );
}

/** Locks come first: the others take some. Names come after the containers that they belong to. */
async function findAll(store: Store): Promise<Leftover[]> {
  return [
    ...findLocks(store),
    ...findTemporaryFiles(store),
    ...findContainerLeftovers(store),
    ...(await findCgroupLeftovers(store)),
    ...(await findNameLeftovers(store)),
    ...findNetworkLeftovers(store),
    ...(await findSockets(store)),
    ...findStaging(store),
    ...(await findImageLeftovers(store)),
  ];
}

/** Null, or why not. */
async function tryToMend({ mend, hint }: Leftover): Promise<string | null> {
  if (mend === null) return hint ?? null;
  try {
    await mend();
    return null;
  } catch (error) {
    if (!isHutchError(error)) throw error;
    return error.message;
  }
}

function keyOf({ kind, place, text }: Leftover): string {
  return JSON.stringify([kind, place, text]);
}

function told(
  { kind, place, text }: Leftover,
  outcome: CheckedLeftover['outcome'],
  reason: string | null,
): CheckedLeftover {
  // File names and what stands in files may be anything.
  return { kind, place: printable(place), text: printable(text), outcome, reason };
}
