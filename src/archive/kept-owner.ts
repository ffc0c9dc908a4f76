/** Owners that a file system cannot hold, kept in an extended attribute beside the file; pure. */
import type { TarEntry } from './tar/entry.ts';

/** Where containers/storage and fuse-overlayfs keep them, too: `uid:gid:mode`, the mode in octal. */
export const KEPT_OWNER = 'user.containers.override_stat';

export type Owner = Pick<TarEntry, 'uid' | 'gid'>;

/** The value of the attribute. */
export function formatKeptOwner({ uid, gid, mode }: Pick<TarEntry, 'uid' | 'gid' | 'mode'>): Buffer {
  return Buffer.from(`${String(uid)}:${String(gid)}:0${mode.toString(8)}`);
}

/**
 * The owner in a value of the attribute; undefined when it is none. The mode in it is not read: a file system holds modes well, so what
 * the file has now is newer. Others append a type, which says nothing that the file does not.
 */
export function parseKeptOwner(value: Buffer): Owner | undefined {
  const [, uid, gid] = /^(\d{1,10}):(\d{1,10}):[0-7]{1,7}(?::[\w-]*)?$/u.exec(value.toString('latin1')) ?? [];
  if (uid === undefined || gid === undefined) return undefined;
  const owner = { uid: Number(uid), gid: Number(gid) };
  return owner.uid > HIGHEST_ID || owner.gid > HIGHEST_ID ? undefined : owner;
}

/** The number above stands for "leave it" in chown(2). */
const HIGHEST_ID = 0xffff_fffe;
