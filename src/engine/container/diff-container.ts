/** `hutch diff`: what a container has changed; in the CLI process. */
import { packContainer } from '../../images/layer/pack-layer.ts';
import type { ChangeKind, PackedChange } from '../../images/layer/pack-protocol.ts';
import { readMessages } from '../../images/layer/program-answer.ts';
import { findContainer } from '../../state/container-record.ts';
import { locateStore } from '../../state/store.ts';
import { locateTree } from './container-tree.ts';
import { locateHostTree } from './host-tree.ts';

export interface ContainerChange {
  readonly kind: ChangeKind;
  readonly path: string;
}

/**
 * Hands each change of the container of a name or id to `take`, parents first; of one of the image `host`, compared with the host as it is now.
 * CONTAINER_UNKNOWN, CONTAINER_RUNNING, RECORD_CORRUPT; as packContainer besides.
 */
export async function diffContainer(word: string, take: (change: ContainerChange) => void): Promise<void> {
  const store = locateStore();
  const record = findContainer(store, word);
  const tree = record.image.layers.length === 0 ? locateHostTree(store, record) : locateTree(store, record);
  await packContainer(store, { ...tree, output: 'changes' }, (output) =>
    readMessages(output, (line) => {
      const { kind, path } = line as PackedChange;
      take({ kind, path: Buffer.from(path, 'latin1').toString('utf8') });
    }),
  );
}
