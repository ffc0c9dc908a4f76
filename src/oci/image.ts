/** Images as data: digests, descriptors, indexes, manifests and configurations, checked before they are believed; pure. */
import { HutchError } from '../errors/hutch-error.ts';
import { parseImageHealthCheck, type ImageHealthCheck } from './health-check.ts';

declare const digestBrand: unique symbol;
/** `sha256:` and 64 hex digits (or `sha512:` and 128). Source: OCI image-spec, descriptor.md. */
export type Digest = string & { readonly [digestBrand]: true };

export const MEDIA_TYPE = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  layerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  layerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  dockerLayerZstd: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
} as const;

/** Annotation keys of index entries: what skopeo and umoci look up, and what containerd does. */
export const ANNOTATION = {
  refName: 'org.opencontainers.image.ref.name',
  imageName: 'io.containerd.image.name',
} as const;

export interface Platform {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
}

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
}

export interface ImageIndex {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly manifests: readonly Descriptor[];
}

export interface ImageManifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What a container of the image starts with. Keys as in the format. */
export interface ImageDefaults {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Volumes?: Readonly<Record<string, object>>;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
  readonly Healthcheck?: ImageHealthCheck;
  /** Instructions for images that are built on this one. */
  readonly OnBuild?: readonly string[];
}

export interface HistoryEntry {
  readonly created?: string;
  readonly created_by?: string;
  readonly comment?: string;
  readonly author?: string;
  readonly empty_layer?: boolean;
}

export interface ImageConfig extends Platform {
  /** RFC 3339. */
  readonly created?: string;
  readonly author?: string;
  readonly config?: ImageDefaults;
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly Digest[] };
  readonly history?: readonly HistoryEntry[];
}

function healthCheck(value: unknown): Pick<ImageDefaults, 'Healthcheck'> {
  const check = parseImageHealthCheck(value);
  return check === undefined ? {} : { Healthcheck: check };
}

const DIGEST_PATTERN = /^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/u;

export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && DIGEST_PATTERN.test(text);
}

/** True for the media types of a list of manifests (several platforms). */
export function isIndexType(mediaType: string): boolean {
  return mediaType === MEDIA_TYPE.index || mediaType === MEDIA_TYPE.dockerList;
}

/** True for the media types of an image's configuration. */
export function isConfigType(mediaType: string): boolean {
  return mediaType === MEDIA_TYPE.config || mediaType === MEDIA_TYPE.dockerConfig;
}

/** An image index or Docker manifest list. SPEC_INVALID names the field, `where` the blob. */
export function parseIndex(value: unknown, where: string): ImageIndex {
  const read = reader(where);
  const index = read.object(value, '');
  read.schemaVersion(index);
  return {
    schemaVersion: 2,
    ...read.optionalText(index, 'mediaType'),
    manifests: read
      .array(index['manifests'], 'manifests')
      .map((item, at) => read.descriptor(item, `manifests[${String(at)}]`)),
  };
}

/** An image manifest of either format. SPEC_INVALID names the field. */
export function parseManifest(value: unknown, where: string): ImageManifest {
  const read = reader(where);
  const manifest = read.object(value, '');
  read.schemaVersion(manifest);
  return {
    schemaVersion: 2,
    ...read.optionalText(manifest, 'mediaType'),
    config: read.descriptor(manifest['config'], 'config'),
    layers: read.array(manifest['layers'], 'layers').map((item, at) => read.descriptor(item, `layers[${String(at)}]`)),
    ...read.optional(manifest, 'annotations', read.texts),
  };
}

/** An image configuration. SPEC_INVALID names the field. */
export function parseImageConfig(value: unknown, where: string): ImageConfig {
  const read = reader(where);
  const config = read.object(value, '');
  const rootfs = read.object(config['rootfs'], 'rootfs');
  if (rootfs['type'] !== 'layers') read.fail('rootfs.type', 'must be "layers"');
  return {
    ...read.platform(config, ''),
    ...read.optionalText(config, 'created'),
    ...read.optionalText(config, 'author'),
    ...read.optional(config, 'config', read.defaults),
    rootfs: {
      type: 'layers',
      diff_ids: read
        .array(rootfs['diff_ids'], 'rootfs.diff_ids')
        .map((id, at) => read.digest(id, `rootfs.diff_ids[${String(at)}]`)),
    },
    ...read.optional(config, 'history', read.history),
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** Readers of parts, each taking a value and its path; all throw SPEC_INVALID with `where` and the path. */
function reader(where: string) {
  const fail = (path: string, reason: string): never => {
    throw new HutchError(`${where} is not valid: ${path === '' ? 'it' : path} ${reason}`, {
      code: 'SPEC_INVALID',
      hint: 'report it to whoever built the image',
      context: { where, path },
    });
  };
  const object = (value: unknown, path: string): Fields =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Fields)
      : fail(path, 'must be an object');
  const array = (value: unknown, path: string): readonly unknown[] =>
    Array.isArray(value) ? value : fail(path, 'must be a list');
  const text = (value: unknown, path: string): string =>
    typeof value === 'string' && !value.includes('\0') ? value : fail(path, 'must be text');
  const textList = (value: unknown, path: string): string[] =>
    array(value, path).map((item, at) => text(item, `${path}[${String(at)}]`));
  const map = <T>(value: unknown, path: string, item: (value: unknown, path: string) => T): Record<string, T> =>
    Object.fromEntries(Object.entries(object(value, path)).map(([key, inner]) => [key, item(inner, `${path}.${key}`)]));
  const texts = (value: unknown, path: string): Record<string, string> => map(value, path, text);
  const digest = (value: unknown, path: string): Digest =>
    isDigest(value) ? value : fail(path, 'must be a sha256 or sha512 digest');
  const size = (value: unknown, path: string): number =>
    Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : fail(path, 'must be a number of bytes');
  /** `{[key]: read(value)}`, or nothing when the field is absent or null. */
  const optional = <K extends string, T>(
    fields: Fields,
    key: K,
    read: (value: unknown, path: string) => T,
  ): Partial<Record<K, T>> =>
    fields[key] === undefined || fields[key] === null
      ? {}
      : ({ [key]: read(fields[key], key) } as Partial<Record<K, T>>);
  const optionalText = <K extends string>(fields: Fields, key: K): Partial<Record<K, string>> =>
    optional(fields, key, text);
  const platform = (fields: Fields, path: string): Platform => ({
    architecture: text(fields['architecture'], `${path}architecture`),
    os: text(fields['os'], `${path}os`),
    ...optionalText(fields, 'variant'),
  });
  return {
    fail,
    object,
    array,
    digest,
    texts,
    optional,
    optionalText,
    platform,
    schemaVersion: (fields: Fields): void => {
      if (fields['schemaVersion'] !== 2) fail('schemaVersion', 'must be 2');
    },
    descriptor: (value: unknown, path: string): Descriptor => {
      const fields = object(value, path);
      return {
        mediaType: text(fields['mediaType'], `${path}.mediaType`),
        digest: digest(fields['digest'], `${path}.digest`),
        size: size(fields['size'], `${path}.size`),
        ...optional(fields, 'annotations', texts),
        ...optional(fields, 'platform', (inner, at) => platform(object(inner, at), `${path}.platform.`)),
      };
    },
    defaults: (value: unknown, path: string): ImageDefaults => {
      const fields = object(value, path);
      const sets = (inner: unknown, at: string): Record<string, object> => map(inner, at, object);
      return {
        ...optionalText(fields, 'User'),
        ...optional(fields, 'ExposedPorts', sets),
        ...optional(fields, 'Env', textList),
        ...optional(fields, 'Entrypoint', textList),
        ...optional(fields, 'Cmd', textList),
        ...optional(fields, 'Volumes', sets),
        ...optionalText(fields, 'WorkingDir'),
        ...optional(fields, 'Labels', texts),
        ...optionalText(fields, 'StopSignal'),
        ...healthCheck(fields['Healthcheck']),
        ...optional(fields, 'OnBuild', textList),
      };
    },
    history: (value: unknown, path: string): HistoryEntry[] =>
      array(value, path).map((item, at) => {
        const fields = object(item, `${path}[${String(at)}]`);
        return {
          ...optionalText(fields, 'created'),
          ...optionalText(fields, 'created_by'),
          ...optionalText(fields, 'comment'),
          ...optionalText(fields, 'author'),
          ...(fields['empty_layer'] === true ? { empty_layer: true } : {}),
        };
      }),
  };
}
