/** `hutch image inspect`: everything about one image, in the words that docker uses; in the CLI process. */
import { familiarRepository, parseReference } from '../../images/reference.ts';
import { resolveImage, shownName } from '../../images/store/find-image.ts';
import { readIndex, readRecordBytes } from '../../images/store/layout.ts';
import { sizeOf } from '../../images/store/list-images.ts';
import { MEDIA_TYPE, type Descriptor, type Digest, type HistoryEntry, type ImageDefaults } from '../../oci/image.ts';
import { locateStore, type Store } from '../../state/store.ts';

export interface InspectedImage {
  readonly Id: Digest;
  /** Of what the name stands for: a manifest, or an index. */
  readonly Digest: Digest;
  readonly RepoTags: readonly string[];
  readonly RepoDigests: readonly string[];
  readonly Parent: '';
  readonly Comment: string;
  readonly Created: string | null;
  readonly Author: string;
  readonly Architecture: string;
  readonly Os: string;
  readonly Variant?: string;
  /** Bytes, unpacked. */
  readonly Size: number;
  readonly VirtualSize: number;
  /** As it stands in the image, with what hutch makes no use of. */
  readonly Config: ImageDefaults;
  readonly RootFS: { readonly Type: 'layers'; readonly Layers: readonly Digest[] };
  readonly Labels: Readonly<Record<string, string>>;
  readonly Annotations: Readonly<Record<string, string>>;
  readonly ManifestType: string;
  readonly User: string;
  readonly History: readonly HistoryEntry[];
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
  const size = sizeOf(store, manifest, config);
  const defaults = config.config ?? {};
  return {
    Id: id,
    Digest: manifestDigest,
    RepoTags: tags.filter((tag) => !tag.includes('@')),
    RepoDigests: [...repositories].map((repository) => `${repository}@${manifestDigest}`),
    Parent: '',
    Comment: config.history?.at(-1)?.comment ?? '',
    Created: config.created ?? null,
    Author: config.author ?? '',
    Architecture: config.architecture,
    Os: config.os,
    ...(config.variant === undefined ? {} : { Variant: config.variant }),
    Size: size,
    VirtualSize: size,
    Config: { ...wholeDefaults(store, manifest.config), ...defaults },
    RootFS: { Type: 'layers', Layers: config.rootfs.diff_ids },
    Labels: defaults.Labels ?? {},
    Annotations: manifest.annotations ?? {},
    ManifestType: manifest.mediaType ?? MEDIA_TYPE.manifest,
    User: defaults.User ?? '',
    History: config.history ?? [],
  };
}

/** Health checks and the like, which hutch passes on without a meaning of its own. */
function wholeDefaults(store: Store, config: Descriptor): object {
  const { config: defaults } = JSON.parse(readRecordBytes(store, config).toString('utf8')) as {
    config?: object | null;
  };
  return defaults ?? {};
}
