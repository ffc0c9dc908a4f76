/** The store of containers, made or checked, with the owner that it must have; on the host's side. */
import { locateStore, openStore, type Store } from '../../state/store.ts';
import { chooseMaps } from '../../userns/choose-maps.ts';

/** Root's containers belong to the host uid that their root is mapped to. Errors as openStore(). */
export async function openOwnStore(): Promise<{ readonly store: Store; readonly owner: number }> {
  const owner = await storeOwner();
  return { store: openStore(locateStore(), owner), owner };
}

async function storeOwner(): Promise<number> {
  const own = process.getuid?.() ?? 0;
  if (own !== 0) return own;
  const { userNamespace } = await chooseMaps();
  return userNamespace.uidMap[0]?.hostId ?? own;
}
