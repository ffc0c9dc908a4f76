/** `hutch image inspect`: everything about one image, in the words that docker uses; in the CLI process. */
import { familiarRepository, parseReference } from '../../images/reference.ts';
import { hostPlatform, resolveImage, shownName } from '../../images/store/find-image.ts';
import { readIndex, readRecordBytes } from '../../images/store/layout.ts';
import { sizeOf } from '../../images/store/list-images.ts';
import { MEDIA_TYPE, type Descriptor, type Digest, type HistoryEntry, type ImageDefaults } from '../../oci/image.ts';
import { locateStore, type Store } from '../../state/store.ts';
import { hostImage } from '../container/image-source.ts';
import { HOST_IMAGE, isHostImage } from './host-image.ts';

export interface InspectedImage {
  /** Empty for the embedded image, which is in no store. */
  readonly Id: Digest | '';
  /** Of what the name stands for: a manifest, or an index. */
  readonly Digest: Digest | '';
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

/** The image of that name or id, or the embedded one. IMAGE_UNKNOWN, REFERENCE_INVALID, RECORD_CORRUPT. */
export function inspectImage(name: string): InspectedImage {
  if (isHostImage(name)) return inspectHostImage();
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

/** What a container of the host's own root starts with. Nobody has made it, and it has no layers. */
function inspectHostImage(): InspectedImage {
  const { architecture, os, variant } = hostPlatform();
  const { command, workingDirectory } = hostImage().defaults;
  return {
    Id: '',
    Digest: '',
    RepoTags: [HOST_IMAGE],
    RepoDigests: [],
    Parent: '',
    Comment: 'the root file system of this host',
    Created: null,
    Author: '',
    Architecture: architecture,
    Os: os,
    ...(variant === undefined ? {} : { Variant: variant }),
    Size: 0,
    VirtualSize: 0,
    Config: { Cmd: command, WorkingDir: workingDirectory },
    RootFS: { Type: 'layers', Layers: [] },
    Labels: {},
    Annotations: {},
    ManifestType: '',
    User: '',
    History: [],
  };
}

/** Health checks and the like, which hutch passes on without a meaning of its own. */
function wholeDefaults(store: Store, config: Descriptor): object {
  const { config: defaults } = JSON.parse(readRecordBytes(store, config).toString('utf8')) as {
    config?: object | null;
  };
  return defaults ?? {};
}
