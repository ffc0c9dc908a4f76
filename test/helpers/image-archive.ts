/** Whole image archives (oci-archive) in memory, also ones whose parts do not fit together. */

import { descriptorOf, type SampleBlob, type SampleImage } from './sample-image.ts';
import { buildTar, type TarPart } from './tar-builder.ts';

/** What an archive says instead of the truth. */
export interface ArchiveLies {
  /** Content of index.json. */
  readonly index?: unknown;
  /** Files by their names; null leaves one out. */
  readonly files?: Readonly<Record<string, string | Buffer | null>>;
  /** Entries behind the image's own. */
  readonly more?: readonly TarPart[];
}

/** An oci-archive that holds `image` under `name`. */
export function ociArchive(image: SampleImage, name: string, lies: ArchiveLies = {}): Buffer {
  const index = lies.index ?? indexOf(image.manifest, name);
  const files: Record<string, string | Buffer | null> = {
    'oci-layout': '{"imageLayoutVersion":"1.0.0"}',
    'index.json': JSON.stringify(index),
  };
  for (const blob of [image.manifest, image.config, ...image.layers]) files[blobName(blob)] = blob.bytes;
  const parts = Object.entries({ ...files, ...lies.files }).flatMap(([path, content]) =>
    content === null ? [] : [{ name: path, content }],
  );
  return buildTar([...parts, ...(lies.more ?? [])]);
}

/** An index that gives a manifest a name; `lies` replaces fields of the descriptor. */
export function indexOf(manifest: SampleBlob, name: string, lies: object = {}): object {
  const annotations = { 'org.opencontainers.image.ref.name': name };
  return { schemaVersion: 2, manifests: [{ ...descriptorOf(manifest), annotations, ...lies }] };
}

export function blobName({ digest }: Pick<SampleBlob, 'digest'>): string {
  return `blobs/${digest.replace(':', '/')}`;
}
