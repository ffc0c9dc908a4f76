/** `hutch export`: a container's whole tree as a tar archive; in the CLI process. */
import { refuseTerminal, writeOutput } from '../image/write-output.ts';
import { packContainer } from '../../images/layer/pack-layer.ts';
import type { Packed } from '../../images/layer/pack-protocol.ts';
import { findContainer } from '../../state/container-record.ts';
import { locateStore } from '../../state/store.ts';
import { locateTree } from './container-tree.ts';

/**
 * Writes the tree of the container of a name or id to the file `output`, or to stdout for null; volumes are not in it. `signal` ends it, without a file.
 * USAGE_INVALID for a terminal, CONTAINER_UNKNOWN, CONTAINER_RUNNING, IMAGE_UNKNOWN, STORE_UNWRITABLE, STORAGE_FULL.
 */
export async function exportContainer(word: string, output: string | null, signal: AbortSignal): Promise<Packed> {
  refuseTerminal(output);
  const store = locateStore();
  const tree = locateTree(store, findContainer(store, word));
  let packed: Packed = { entries: 0, leftOut: 0 };
  await writeOutput(output, signal, async (send) => {
    packed = await packContainer(store, { ...tree, output: 'tree' }, send);
  });
  return packed;
}
