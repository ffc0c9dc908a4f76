/** Fetching manifests and configurations: nothing is believed before its digest and form are checked; on the host's side. */
import { createHash } from 'node:crypto';
import { HutchError } from '../../errors/hutch-error.ts';
import {
  isConfigType,
  isDigest,
  isIndexType,
  MEDIA_TYPE,
  parseImageConfig,
  parseIndex,
  parseManifest,
  type Descriptor,
  type Digest,
  type ImageConfig,
  type ImageManifest,
  type Platform,
} from '../../oci/image.ts';
import { choosePlatform, platformName } from '../../oci/platform.ts';
import { blobOf, type Repository } from './client.ts';
import { contentMismatch } from './failures.ts';
import { readSmall, type HttpAnswer } from './http.ts';
import { LARGEST_RECORD_BYTES } from './limits.ts';
import { withRetries } from './retry.ts';

/** A manifest, index or configuration with its bytes as they came, which alone have the digest. */
export interface FetchedRecord {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** An image as the registry has it, before its layers. */
export interface FetchedImage {
  /** What the reference named: an index, or the manifest itself. */
  readonly named: FetchedRecord;
  readonly manifestRecord: FetchedRecord;
  readonly manifest: ImageManifest;
}

const MANIFEST_TYPES: readonly string[] = [MEDIA_TYPE.manifest, MEDIA_TYPE.dockerManifest];
const ACCEPT = [...MANIFEST_TYPES, MEDIA_TYPE.index, MEDIA_TYPE.dockerList].join(', ');
/** An index may name an index; deeper nobody goes. */
const DEEPEST_INDEX = 2;

/**
 * The image that a tag or digest names, of its platforms the one for `wanted`.
 * IMAGE_UNKNOWN, CONTENT_MISMATCH, SPEC_INVALID, REGISTRY_DENIED, REGISTRY_FAILED.
 */
export async function fetchImage(repository: Repository, name: string, wanted: Platform): Promise<FetchedImage> {
  const named = await fetchManifest(repository, name);
  let record = named;
  for (let depth = 0; isIndexType(record.descriptor.mediaType); depth += 1) {
    const index = parseIndex(parseRecord(record), `index ${record.descriptor.digest}`);
    const part = choosePlatform(index.manifests, wanted);
    if (part === undefined || depth === DEEPEST_INDEX) throw nothingFor(repository, wanted, index.manifests);
    record = await fetchManifest(repository, part.digest, part);
  }
  const manifest = parseManifest(parseRecord(record), `manifest ${record.descriptor.digest}`);
  if (!isConfigType(manifest.config.mediaType))
    throw new HutchError(`${shown(repository)} is not a container image but ${manifest.config.mediaType}`, {
      code: 'SPEC_INVALID',
      hint: 'use a program that is made for this kind of artifact',
    });
  return { named, manifestRecord: record, manifest };
}

/** Every manifest below an index, and the blobs that they name: all platforms, and whatever else stands in it. As fetchImage(). */
export async function fetchParts(
  repository: Repository,
  index: FetchedRecord,
  depth = 0,
): Promise<{ readonly records: readonly FetchedRecord[]; readonly blobs: readonly Descriptor[] }> {
  const records: FetchedRecord[] = [];
  const blobs: Descriptor[] = [];
  for (const part of parseIndex(parseRecord(index), `index ${index.descriptor.digest}`).manifests) {
    const record = await fetchManifest(repository, part.digest, part);
    const isIndex = isIndexType(record.descriptor.mediaType);
    if (isIndex && depth === DEEPEST_INDEX) throw contentMismatch(`index ${index.descriptor.digest}`, 'it has no end');
    const below = isIndex ? await fetchParts(repository, record, depth + 1) : { records: [], blobs: blobsIn(record) };
    records.push(record, ...below.records);
    blobs.push(...below.blobs);
  }
  return { records, blobs };
}

function blobsIn(record: FetchedRecord): Descriptor[] {
  const { config, layers } = parseManifest(parseRecord(record), `manifest ${record.descriptor.digest}`);
  return [config, ...layers];
}

/** The configuration of a manifest, as many diff ids in it as the manifest has layers. CONTENT_MISMATCH, SPEC_INVALID. */
export async function fetchConfig(
  repository: Repository,
  manifest: ImageManifest,
): Promise<{ readonly record: FetchedRecord; readonly config: ImageConfig }> {
  const record = await fetchRecord(repository, blobOf(manifest.config.digest), manifest.config);
  const config = parseImageConfig(parseRecord(record), `image configuration ${record.descriptor.digest}`);
  if (config.rootfs.diff_ids.length !== manifest.layers.length)
    throw contentMismatch(
      `the configuration of ${shown(repository)}`,
      `it lists ${String(config.rootfs.diff_ids.length)} layers, the manifest ${String(manifest.layers.length)}`,
    );
  return { record, config };
}

function fetchManifest(repository: Repository, name: string, expected?: Descriptor): Promise<FetchedRecord> {
  return fetchRecord(repository, `manifests/${name}`, expected ?? (isDigest(name) ? { digest: name } : {}));
}

function fetchRecord(repository: Repository, path: string, expected: Partial<Descriptor>): Promise<FetchedRecord> {
  const { transport, signal } = repository;
  const isManifest = path.startsWith('manifests/');
  const most = expected.size ?? LARGEST_RECORD_BYTES;
  if (most > LARGEST_RECORD_BYTES) throw contentMismatch(path, `it would be ${String(most)} bytes long`);
  return withRetries(transport.limits, signal, async () => {
    const answer = await repository.send({
      method: 'GET',
      path,
      headers: isManifest ? { Accept: ACCEPT } : {},
      accepts: [200],
    });
    const bytes = await readSmall(answer, transport.limits, most);
    return checkRecord(
      path,
      bytes,
      isManifest ? { ...expected, mediaType: manifestType(path, answer, bytes, expected) } : expected,
    );
  });
}

function checkRecord(path: string, bytes: Buffer, expected: Partial<Descriptor>): FetchedRecord {
  const digest = digestOf(bytes, expected.digest);
  if (expected.digest !== undefined && digest !== expected.digest)
    throw contentMismatch(path, `its digest is ${digest}`);
  if (expected.size !== undefined && bytes.length !== expected.size)
    throw contentMismatch(path, `it is ${String(bytes.length)} bytes long, not ${String(expected.size)}`);
  return { bytes, descriptor: { mediaType: expected.mediaType ?? '', digest, size: bytes.length } };
}

/** The digest of `bytes`, by the algorithm of another digest. */
export function digestOf(bytes: Buffer, like?: Digest): Digest {
  const algorithm = like?.split(':', 1).join() ?? 'sha256';
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}` as Digest;
}

/**
 * The type that a manifest has by its header, its descriptor and its own words, which must not contradict each other;
 * one that could be read as two kinds is refused. Source: GHSA-mc8v-mgrf-8f4m.
 */
function manifestType(path: string, answer: HttpAnswer, bytes: Buffer, expected: Partial<Descriptor>): string {
  const announced = answer.headers['docker-content-digest'];
  if (typeof announced === 'string' && isDigest(announced) && announced !== digestOf(bytes, announced))
    throw contentMismatch(path, `its header says ${announced}`);
  const header = answer.headers['content-type']?.split(';', 1).join().trim() ?? '';
  const fields = parseRecord({
    bytes,
    descriptor: { mediaType: '', digest: digestOf(bytes), size: bytes.length },
  }) as Readonly<Record<string, unknown>> | null;
  const own = typeof fields?.['mediaType'] === 'string' ? fields['mediaType'] : undefined;
  if (own !== undefined && !isManifestType(own)) throw unknownManifest(path, own);
  const types = new Set([own, expected.mediaType, header].filter(isManifestType));
  const [type] = types;
  if (type === undefined) throw unknownManifest(path, header);
  if (types.size > 1 || isTwofold(fields))
    throw contentMismatch(path, `it says to be several things at once: ${[...types].join(', ')}`);
  return type;
}

function isTwofold(fields: Readonly<Record<string, unknown>> | null): boolean {
  return fields?.['manifests'] !== undefined && (fields['layers'] !== undefined || fields['config'] !== undefined);
}

function isManifestType(type: string | undefined): type is string {
  return type !== undefined && (MANIFEST_TYPES.includes(type) || isIndexType(type));
}

function unknownManifest(path: string, said: string): HutchError {
  return new HutchError(`${path} is of a kind that hutch does not know: ${said === '' ? 'nothing said' : said}`, {
    code: 'SPEC_INVALID',
    hint: 'have it pushed again by a current tool; images of the old Docker schema 1 are no longer read',
  });
}

function parseRecord({ bytes, descriptor }: FetchedRecord): unknown {
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch (cause) {
    throw new HutchError(`${descriptor.digest} is not JSON`, {
      code: 'SPEC_INVALID',
      hint: 'report it to whoever built the image',
      cause,
    });
  }
}

function shown({ source }: Repository): string {
  return `${source.domain}/${source.path}`;
}

function nothingFor(repository: Repository, wanted: Platform, parts: readonly Descriptor[]): HutchError {
  const names = parts.flatMap(({ platform }) =>
    platform === undefined || platform.os === 'unknown' ? [] : [platformName(platform)],
  );
  return new HutchError(`${shown(repository)} has nothing for ${platformName(wanted)}`, {
    code: 'IMAGE_UNKNOWN',
    hint: names.length === 0 ? 'use another image' : `it has ${[...new Set(names)].join(', ')}`,
  });
}
