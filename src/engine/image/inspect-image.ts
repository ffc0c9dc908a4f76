/** `hutch image inspect`: everything about one image, in the words that docker uses; in the CLI process. */
import { familiarRepository, parseReference } from '../../images/reference.ts';
import { resolveImage, shownName } from '../../images/store/find-image.ts';
import { readIndex } from '../../images/store/layout.ts';
import { sizeOf } from '../../images/store/list-images.ts';
import type { Digest, ImageDefaults } from '../../oci/image.ts';
import { locateStore } from '../../state/store.ts';

export interface InspectedImage {
  readonly Id: Digest;
  readonly RepoTags: readonly string[];
  readonly RepoDigests: readonly string[];
  readonly Comment: string;
  readonly Created: string | null;
  readonly Author: string;
  readonly Architecture: string;
  readonly Os: string;
  readonly Variant?: string;
  /** Bytes, unpacked. */
  readonly Size: number;
  readonly Config: ImageDefaults;
  readonly RootFS: { readonly Type: 'layers'; readonly Layers: readonly Digest[] };
}

/** The image of that name or id. IMAGE_UNKNOWN, REFERENCE_INVALID, RECORD_CORRUPT. */
export function inspectImage(name: string): InspectedImage {
  const store = locateStore();
  const { id, manifestDigest, manifest, config } = resolveImage(store, name);
  const names = readIndex(store)
    .manifests.filter(({ digest }) => digest === manifestDigest)
    .map(shownName);
  const tags = names.filter((shown) => shown !== null);
  const repositories = new Set(tags.map((tag) => familiarRepository(parseReference(tag))));
  return {
    Id: id,
    RepoTags: tags,
    RepoDigests: [...repositories].map((repository) => `${repository}@${manifestDigest}`),
    Comment: config.history?.at(-1)?.comment ?? '',
    Created: config.created ?? null,
    Author: config.author ?? '',
    Architecture: config.architecture,
    Os: config.os,
    ...(config.variant === undefined ? {} : { Variant: config.variant }),
    Size: sizeOf(store, manifest, config),
    Config: config.config ?? {},
    RootFS: { Type: 'layers', Layers: config.rootfs.diff_ids },
  };
}
