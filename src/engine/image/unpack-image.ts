/** Unpacking an image that another program copied into the store (skopeo, umoci): done when it is first used; in the CLI process. */
import { obtainLayer, type ObtainedLayer, type ObtainOptions } from '../../images/layer/obtain-layer.ts';
import { hasLayer } from '../../images/layer/layers.ts';
import { commitLayers } from '../../images/store/commit-image.ts';
import { resolveImage } from '../../images/store/find-image.ts';
import { blobPath } from '../../images/store/layout.ts';
import { HutchError } from '../../errors/hutch-error.ts';
import { openImageStore } from './open-image-store.ts';
import { squashedIn } from './squash-note.ts';

/**
 * Unpacks what is not unpacked of an image, its digests checked; the number of files that went to nobody. IMAGE_UNKNOWN, RECORD_CORRUPT,
 * and as obtainLayer.
 */
export async function unpackImage(name: string, options: ObtainOptions = {}): Promise<number> {
  const { store, owner } = await openImageStore();
  const { id, manifestDigest, manifest, layers } = resolveImage(store, name);
  if (layers.length !== manifest.layers.length) throw notFitting(id);
  const ready: ObtainedLayer[] = [];
  for (const [at, { diffId }] of layers.entries()) {
    const digest = manifest.layers[at]?.digest;
    if (digest === undefined || hasLayer(store, diffId) || ready.some((layer) => layer.diffId === diffId)) continue;
    const layer = await obtainLayer(store, owner, { diffId, path: blobPath(store, digest), digest: null }, options);
    if (layer !== null) ready.push(layer);
  }
  await commitLayers(
    store,
    manifestDigest,
    ready,
    layers.map(({ diffId }) => diffId),
  );
  return squashedIn(ready);
}

function notFitting(id: string): HutchError {
  return new HutchError(`image ${id} is damaged: its manifest and its configuration list different layers`, {
    code: 'RECORD_CORRUPT',
    hint: 'remove it (hutch rmi) and fetch it again',
    context: { image: id },
  });
}
