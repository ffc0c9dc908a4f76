/** The caller's store, ready to be written, and who owns it on the host; in the CLI process. */
import { toHostId } from '../../linux/id-map.ts';
import { openStore, type Store } from '../../state/store.ts';
import { chooseMaps } from '../../userns/choose-maps.ts';

export interface OwnedStore {
  readonly store: Store;
  /** Host ids that root of the user namespace is mapped to: the caller's own, except for root. */
  readonly owner: { readonly uid: number; readonly gid: number };
}

/** Makes or checks the store. STORE_INSECURE, STORE_UNWRITABLE, STORAGE_FULL. */
export async function openImageStore(): Promise<OwnedStore> {
  const { userNamespace } = await chooseMaps();
  const uid = toHostId(userNamespace.uidMap, 0) ?? 0;
  const gid = toHostId(userNamespace.gidMap, 0) ?? 0;
  return { store: openStore(undefined, uid), owner: { uid, gid } };
}
