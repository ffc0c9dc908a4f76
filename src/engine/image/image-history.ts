/** `hutch history`: how an image came about, newest step first; in the CLI process. */
import { layerSize } from '../../images/layer/layers.ts';
import { resolveImage } from '../../images/store/find-image.ts';
import type { HistoryEntry } from '../../oci/image.ts';
import { locateStore } from '../../state/store.ts';
import { refuseHostImage } from './host-image.ts';

export interface HistoryStep {
  /** The image's id for its newest step, null for all others: nobody knows the ids of what lay between. */
  readonly id: string | null;
  /** RFC 3339, or null where the image does not say. */
  readonly created: string | null;
  readonly createdBy: string;
  /** Of the layer that the step made, unpacked; 0 where it made none. */
  readonly sizeBytes: number;
  readonly comment: string;
}

/** The steps of an image; layers that its history does not tell of have steps without words. IMAGE_UNKNOWN, RECORD_CORRUPT. */
export function imageHistory(name: string): HistoryStep[] {
  refuseHostImage(name, 'taken apart');
  const store = locateStore();
  const { id, manifest, config } = resolveImage(store, name);
  const sizes = config.rootfs.diff_ids.map((diffId, at) => layerSize(store, diffId) ?? manifest.layers[at]?.size ?? 0);
  let next = 0;
  const told = (config.history ?? []).map((entry) =>
    stepOf(entry, entry.empty_layer === true ? 0 : (sizes[next++] ?? 0)),
  );
  const untold = sizes.slice(next).map((sizeBytes) => stepOf({}, sizeBytes));
  return [...told, ...untold].toReversed().map((step, at) => ({ ...step, id: at === 0 ? id : null }));
}

function stepOf({ created, created_by: createdBy, comment }: HistoryEntry, sizeBytes: number): Omit<HistoryStep, 'id'> {
  return { created: created ?? null, createdBy: createdBy ?? '', sizeBytes, comment: comment ?? '' };
}
