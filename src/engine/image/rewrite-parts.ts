/** An image in another format or compression, for a push: what it unpacks to stays the same; in the CLI process. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { HutchError } from '../../errors/hutch-error.ts';
import { COMPRESSED_FORMS, LEVELS, recompress, type CompressedForm } from '../../images/layer/recompress.ts';
import { compressionOf } from '../../images/store/blob-file.ts';
import { isConfigType, isIndexType, MEDIA_TYPE, type Descriptor, type Digest } from '../../oci/image.ts';
import type { BlobToPush, PartToPush } from './pushed-parts.ts';

const FORMATS = ['oci', 'v2s2'] as const;

/** What shall be other than it is; undefined leaves it. */
export interface Rewriting {
  readonly format: (typeof FORMATS)[number] | undefined;
  readonly compression: CompressedForm | undefined;
  readonly level: number | undefined;
}

export interface RewritingWords {
  /** `oci` or `v2s2`. */
  readonly format?: string | undefined;
  /** `gzip` or `zstd`. */
  readonly compressionFormat?: string | undefined;
  readonly compressionLevel?: string | undefined;
}

/** The words of a user; null when nothing shall change. USAGE_INVALID. */
export function parseRewriting({ format, compressionFormat, compressionLevel }: RewritingWords): Rewriting | null {
  if (format === undefined && compressionFormat === undefined && compressionLevel === undefined) return null;
  const known = format === undefined ? undefined : oneOf('--format', format, FORMATS);
  const named =
    compressionFormat === undefined ? undefined : oneOf('--compression-format', compressionFormat, COMPRESSED_FORMS);
  // Docker's format knows nothing but gzip; who wants zstd wants the other one.
  if (known === 'v2s2' && named === 'zstd')
    throw new HutchError('--format v2s2 does not go with --compression-format zstd', {
      code: 'USAGE_INVALID',
      hint: 'layers of that format are in gzip; use --format oci for zstd',
    });
  const compression = named ?? (known === 'v2s2' || compressionLevel !== undefined ? 'gzip' : undefined);
  const level = compressionLevel === undefined ? undefined : parseLevel(compressionLevel, compression ?? 'gzip');
  return { format: known ?? (named === 'zstd' ? 'oci' : undefined), compression, level };
}

function oneOf<T extends string>(flag: string, value: string, known: readonly T[]): T {
  const found = known.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw invalidValue(flag, value, `give ${known.join(' or ')}`);
}

function parseLevel(text: string, form: CompressedForm): number {
  const { least, most } = LEVELS[form];
  const level = /^[0-9]{1,2}$/u.test(text) ? Number(text) : 0;
  if (level >= least && level <= most) return level;
  throw invalidValue('--compression-level', text, `${form} knows levels from ${String(least)} to ${String(most)}`);
}

function invalidValue(flag: string, value: string, hint: string): HutchError {
  return new HutchError(`invalid value "${value}" for ${flag}`, { code: 'USAGE_INVALID', hint });
}

const TYPES = {
  oci: {
    index: MEDIA_TYPE.index,
    manifest: MEDIA_TYPE.manifest,
    config: MEDIA_TYPE.config,
    none: MEDIA_TYPE.layer,
    gzip: MEDIA_TYPE.layerGzip,
    zstd: MEDIA_TYPE.layerZstd,
  },
  v2s2: {
    index: MEDIA_TYPE.dockerList,
    manifest: MEDIA_TYPE.dockerManifest,
    config: MEDIA_TYPE.dockerConfig,
    none: MEDIA_TYPE.dockerLayer,
    gzip: MEDIA_TYPE.dockerLayerGzip,
    zstd: MEDIA_TYPE.dockerLayerZstd,
  },
} as const;

/** Types of layers that are archives; signatures and the like stay as they are. */
const LAYER_TYPES: readonly string[] = Object.values(TYPES).flatMap(({ none, gzip, zstd }) => [none, gzip, zstd]);

export interface Workshop {
  readonly wanted: Rewriting;
  /** A directory for layers that are compressed anew. */
  readonly staging: string;
  readonly signal: AbortSignal;
  /** Told before a layer is compressed. */
  readonly onCompress: (layer: Descriptor, form: CompressedForm) => void;
  /** Layers that were looked at already, by their digests. */
  readonly done: Map<Digest, BlobToPush>;
}

/**
 * `part` and all below it as wanted. Layers that have the wanted compression are sent as they are. Everything that hutch does not know
 * of a manifest stays in it, but for annotations, which Docker's format has not. ARCHIVE_INVALID, STORAGE_FULL, STORE_UNWRITABLE.
 */
export async function rewritePart(shop: Workshop, part: PartToPush): Promise<PartToPush> {
  const isIndex = isIndexType(part.descriptor.mediaType);
  return isIndex ? rewriteIndex(shop, part) : rewriteManifest(shop, part);
}

type Fields = Readonly<Record<string, unknown>>;

async function rewriteIndex(shop: Workshop, part: PartToPush): Promise<PartToPush> {
  const format = formatOf(shop, part);
  const parts: PartToPush[] = [];
  for (const below of part.parts) parts.push(await rewritePart(shop, below));
  const fields = JSON.parse(part.bytes.toString('utf8')) as Fields & { manifests: readonly Fields[] };
  const manifests = fields.manifests.map((old, at) => replaced(old, parts[at]?.descriptor));
  return { ...recordOf(TYPES[format].index, format, { ...fields, manifests }), blobs: [], parts };
}

async function rewriteManifest(shop: Workshop, part: PartToPush): Promise<PartToPush> {
  const format = formatOf(shop, part);
  const config = part.blobs.at(-1);
  if (config === undefined) throw new TypeError('a manifest without a configuration');
  const fields = JSON.parse(part.bytes.toString('utf8')) as Fields & { layers: readonly Fields[]; config: Fields };
  const newLayers: BlobToPush[] = [];
  for (const layer of part.blobs.slice(0, -1)) newLayers.push(await rewriteLayer(shop, format, layer));
  const newConfig = isConfigType(config.descriptor.mediaType) ? withType(config, TYPES[format].config) : config;
  const content = {
    ...fields,
    config: replaced(fields.config, newConfig.descriptor),
    layers: fields.layers.map((old, at) => inFormat(format, replaced(old, newLayers[at]?.descriptor))),
  };
  return { ...recordOf(TYPES[format].manifest, format, content), blobs: [...newLayers, newConfig], parts: [] };
}

function formatOf({ wanted }: Workshop, { descriptor: { mediaType } }: PartToPush): keyof typeof TYPES {
  const isDocker = mediaType === MEDIA_TYPE.dockerManifest || mediaType === MEDIA_TYPE.dockerList;
  return wanted.format ?? (isDocker ? 'v2s2' : 'oci');
}

async function rewriteLayer(shop: Workshop, format: keyof typeof TYPES, layer: BlobToPush): Promise<BlobToPush> {
  if (!LAYER_TYPES.includes(layer.descriptor.mediaType)) return layer;
  const before = shop.done.get(layer.descriptor.digest);
  const blob = before ?? (await compressAnew(shop, layer));
  shop.done.set(layer.descriptor.digest, blob);
  return withType(blob, TYPES[format][compressionOf(blob.path)]);
}

async function compressAnew({ wanted, staging, signal, onCompress }: Workshop, layer: BlobToPush): Promise<BlobToPush> {
  const { path, descriptor } = layer;
  const compression = compressionOf(path);
  const form = wanted.compression;
  if (form === undefined || form === compression) return layer;
  onCompress(descriptor, form);
  const target = join(staging, descriptor.digest.replace(':', '-'));
  const { digest, size } = await recompress({ path, compression, wanted: form, level: wanted.level, target, signal });
  return { path: target, descriptor: { ...descriptor, digest, size } };
}

function withType({ path, descriptor }: BlobToPush, mediaType: string): BlobToPush {
  return { path, descriptor: { ...descriptor, mediaType } };
}

function replaced(old: Fields, now: Descriptor | undefined): Fields {
  return now === undefined ? old : { ...old, mediaType: now.mediaType, digest: now.digest, size: now.size };
}

function inFormat(format: keyof typeof TYPES, { annotations, ...fields }: Fields): Fields {
  return format === 'oci' && annotations !== undefined ? { ...fields, annotations } : fields;
}

/** A manifest or index in a format, with the digest that its bytes have. */
function recordOf(
  mediaType: string,
  format: keyof typeof TYPES,
  fields: Fields,
): Pick<PartToPush, 'descriptor' | 'bytes'> {
  const bytes = Buffer.from(JSON.stringify({ ...inFormat(format, fields), mediaType }));
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest;
  return { bytes, descriptor: { mediaType, digest, size: bytes.length } };
}
