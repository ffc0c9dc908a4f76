/** `hutch diff`: what a container has changed; in the CLI process. */
import { packContainer } from '../../images/layer/pack-layer.ts';
import type { ChangeKind, PackedChange } from '../../images/layer/pack-protocol.ts';
import { readMessages } from '../../images/layer/program-answer.ts';
import { findContainer } from '../../state/container-record.ts';
import { locateStore } from '../../state/store.ts';
import { locateTree } from './container-tree.ts';

export interface ContainerChange {
  readonly kind: ChangeKind;
  readonly path: string;
}

/**
 * Hands each change of the container of a name or id to `take`, parents first. CONTAINER_UNKNOWN, CONTAINER_RUNNING, IMAGE_UNKNOWN for
 * the image `host`; as packContainer besides.
 */
export async function diffContainer(word: string, take: (change: ContainerChange) => void): Promise<void> {
  const store = locateStore();
  const tree = locateTree(store, findContainer(store, word), 'compared');
  await packContainer(store, { ...tree, output: 'changes' }, (output) =>
    readMessages(output, (line) => {
      const { kind, path } = line as PackedChange;
      take({ kind, path: Buffer.from(path, 'latin1').toString('utf8') });
    }),
  );
}
