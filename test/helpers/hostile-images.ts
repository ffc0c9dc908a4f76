/** Images that no honest program makes: archives whose parts lie about each other, and layers that reach out or grow without end. */

import { gzipSync } from 'node:zlib';
import { blobName, indexOf, ociArchive, type ArchiveLies } from './image-archive.ts';
import { descriptorOf, digestOf, makeBlob, makeImage, type SampleBlob, type SampleImage } from './sample-image.ts';
import { buildTar, type TarPart } from './tar-builder.ts';

export interface HostileArchive {
  readonly title: string;
  readonly archive: () => Buffer;
  readonly message: RegExp;
}

const NAME = 'hostile:1';
const LAYER = buildTar([{ name: 'file', content: 'x' }]);
const IMAGE = makeImage({ layers: [LAYER] });
const OTHER = makeImage({ layers: [buildTar([{ name: 'other' }])] });
const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';

/** An archive with a manifest or configuration of our own, which the index names truly. */
function withRecords(change: { manifest?: (true_: object) => unknown; config?: (true_: object) => unknown }): Buffer {
  const config = changed(IMAGE.config, change.config);
  const named = { ...(JSON.parse(IMAGE.manifest.bytes.toString()) as object), config: descriptorOf(config) };
  const manifest = changed(makeBlob(IMAGE.manifest.mediaType, named), change.manifest);
  return ociArchive({ ...IMAGE, config, manifest }, NAME);
}

function changed(blob: SampleBlob, change: ((value: object) => unknown) | undefined): SampleBlob {
  if (change === undefined) return blob;
  const value = change(JSON.parse(blob.bytes.toString()) as object);
  return makeBlob(blob.mediaType, Buffer.from(JSON.stringify(value)));
}

const lie = (lies: ArchiveLies, image: SampleImage = IMAGE) => ociArchive(image, NAME, lies);

/** A docker-archive with `list` as its manifest.json. */
function dockerArchive(list: unknown, more: readonly TarPart[] = []): Buffer {
  return buildTar([
    { name: 'config.json', content: IMAGE.config.bytes },
    { name: 'layer.tar', content: LAYER },
    ...more,
    { name: 'manifest.json', content: JSON.stringify(list) },
  ]);
}

/** An index that names itself cannot have its own digest in it; this one is what an attacker comes closest with. */
function indexBelowIndex(): Buffer {
  const inner = makeBlob(INDEX_TYPE, { schemaVersion: 2, manifests: [descriptorOf(IMAGE.manifest)] });
  const platform = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch };
  const outer = makeBlob(INDEX_TYPE, { schemaVersion: 2, manifests: [{ ...descriptorOf(inner), platform }] });
  return lie({
    index: indexOf(outer, NAME),
    files: { [blobName(inner)]: inner.bytes, [blobName(outer)]: outer.bytes },
  });
}

/** Archives for `hutch load`, each with a lie in one place. */
export const LYING_ARCHIVES: readonly HostileArchive[] = [
  {
    title: 'an index that is not JSON',
    archive: () => lie({ files: { 'index.json': '{' } }),
    message: /"index.json" is not JSON/u,
  },
  {
    title: 'an index that is nested without end',
    archive: () => lie({ files: { 'index.json': '['.repeat(1_000_000) } }),
    message: /index\.json/u,
  },
  { title: 'an index that is null', archive: () => lie({ files: { 'index.json': 'null' } }), message: /index\.json/u },
  {
    title: 'an index too large to read',
    archive: () => lie({ files: { 'index.json': Buffer.alloc(9 << 20, ' ') } }),
    message: /bytes long/u,
  },
  {
    title: 'an index that is a link to a file of the host',
    archive: () =>
      lie({ files: { 'index.json': null }, more: [{ name: 'index.json', flag: '2', linkName: '/etc/passwd' }] }),
    message: /holds no images/u,
  },
  {
    title: 'a wrong size for the manifest',
    archive: () => lie({ index: indexOf(IMAGE.manifest, NAME, { size: 1 }) }),
    message: /not what its image says/u,
  },
  {
    title: 'a negative size',
    archive: () => lie({ index: indexOf(IMAGE.manifest, NAME, { size: -1 }) }),
    message: /size/u,
  },
  {
    title: 'a digest that climbs out of the store',
    archive: () => lie({ index: indexOf(IMAGE.manifest, NAME, { digest: 'sha256:../../../../etc/passwd' }) }),
    message: /digest/u,
  },
  {
    title: 'a manifest that is not there',
    archive: () => lie({ index: indexOf(OTHER.manifest, NAME) }),
    message: /has no file blobs\/sha256\//u,
  },
  {
    title: 'another content under the digest of the manifest',
    archive: () => lie({ files: { [blobName(IMAGE.manifest)]: OTHER.manifest.bytes } }),
    message: /not what its image says/u,
  },
  {
    title: 'another content under the digest of the configuration',
    archive: () => lie({ files: { [blobName(IMAGE.config)]: OTHER.config.bytes } }),
    message: /not what its image says/u,
  },
  {
    title: 'a layer that is not the one its manifest names',
    archive: () =>
      lie({ files: { [blobName({ digest: IMAGE.layers[0]?.digest ?? '' })]: gzipSync(LAYER.subarray(512)) } }),
    message: /not what its image says/u,
  },
  {
    title: 'a manifest that is called an index',
    archive: () => lie({ index: indexOf(IMAGE.manifest, NAME, { mediaType: INDEX_TYPE }) }),
    message: /index sha256/u,
  },
  { title: 'an index in the place of a manifest', archive: indexBelowIndex, message: /manifest|index/u },
  {
    title: 'a configuration that is the layer',
    archive: () =>
      withRecords({ manifest: (value) => ({ ...value, config: (value as { layers: unknown[] }).layers[0] }) }),
    message: /is not JSON|configuration/u,
  },
  {
    title: 'a manifest without layers',
    archive: () => withRecords({ manifest: (value) => ({ ...value, layers: [] }) }),
    message: /0 layers whose configuration lists 1/u,
  },
  {
    title: 'a configuration with one layer more',
    archive: () =>
      withRecords({
        config: (value) => ({ ...value, rootfs: { type: 'layers', diff_ids: [digestOf(LAYER), digestOf(LAYER)] } }),
      }),
    message: /1 layers whose configuration lists 2/u,
  },
  {
    title: 'a diff id that belongs to another layer',
    archive: () => ociArchive(makeImage({ layers: [LAYER], diffIds: [digestOf(Buffer.from('other'))] }), NAME),
    message: /is damaged: its content has the digest/u,
  },
  {
    title: 'a diff id that is a path',
    archive: () => ociArchive(makeImage({ layers: [LAYER], diffIds: ['sha256:../../../evil'] }), NAME),
    message: /diff_ids|digest/u,
  },
  {
    title: 'settings of the wrong kinds',
    archive: () => withRecords({ config: (value) => ({ ...value, config: { Env: { a: 1 }, Cmd: 'x' } }) }),
    message: /configuration/u,
  },
  {
    title: 'the name of the built-in image',
    archive: () => ociArchive(IMAGE, 'host:latest'),
    message: /cannot be loaded as "host/u,
  },
  { title: 'a docker-archive of nothing but null', archive: () => dockerArchive([null]), message: /manifest\.json/u },
  {
    title: 'a docker-archive that names files of the host',
    archive: () => dockerArchive([{ Config: '/etc/passwd', RepoTags: null, Layers: ['../../../etc/passwd'] }]),
    message: /has no file|configuration|etc\/passwd/u,
  },
  {
    title: 'a docker-archive with links to files of the host',
    archive: () =>
      dockerArchive(
        [{ Config: 'config.json', RepoTags: null, Layers: ['link.tar'] }],
        [{ name: 'link.tar', flag: '2', linkName: '/etc/passwd' }],
      ),
    message: /has no file link\.tar/u,
  },
];

/** Layers that `load` and `import` refuse. */
export const HOSTILE_LAYERS: readonly {
  readonly title: string;
  readonly parts: readonly TarPart[];
  readonly message: RegExp;
}[] = [
  { title: 'a name that climbs out', parts: [{ name: '../evil', content: 'x' }], message: /climbs out/u },
  {
    title: 'a whiteout that climbs out',
    parts: [{ name: 'a/../../.wh.passwd' }],
    message: /climbs out/u,
  },
  { title: 'a whiteout of the directory above', parts: [{ name: 'a/.wh...' }], message: /hides/u },
  { title: 'a whiteout of the directory itself', parts: [{ name: 'a/.wh..' }], message: /hides/u },
  { title: 'a whiteout of nothing', parts: [{ name: 'a/.wh.' }], message: /hides/u },
  {
    title: 'a hard link to a file of the host',
    parts: [{ name: 'shadow', flag: '1', linkName: '/etc/shadow' }],
    message: /"shadow" is a hard link to "etc\/shadow", which neither/u,
  },
  {
    title: 'a hard link through a symbolic link out of it',
    parts: [
      { name: 'etc', flag: '2', linkName: '/../../../../etc' },
      { name: 'shadow', flag: '1', linkName: 'etc/passwd' },
    ],
    message: /E[A-Z]+/u,
  },
  {
    title: 'a NUL in a name',
    parts: [{ name: 'x', pax: { path: 'good\0evil' } }],
    message: /NUL/u,
  },
  {
    title: 'a name of two lines that paints the terminal',
    parts: [{ name: '../\n\u001b[2Jfix: run rm -rf' }],
    message: /^hutch: [\u0020-\u007e\u00a0-\uffff]*climbs out[^\n]*\n/u,
  },
  { title: 'the uid 70000', parts: [{ name: 'f', pax: { uid: '70000' } }], message: /uid 70000/u },
  { title: 'the gid 4294967294', parts: [{ name: 'f', pax: { gid: '4294967294' } }], message: /gid 4294967294/u },
  {
    title: 'a pax header of 4 GiB',
    parts: [{ name: 'pax', flag: 'x', statedSize: 2 ** 32 }],
    message: /header|larger|more than/u,
  },
  {
    title: 'a long name of 4 GiB',
    parts: [{ name: '././@LongLink', flag: 'L', statedSize: 2 ** 32 }],
    message: /name|larger|more than/u,
  },
];

const MEMBER_ENTRIES = 1000;

/** A layer of very many entries like `part`: the same compressed piece again and again, so that it stays small. */
export function manyEntries(part: TarPart, count: number): Buffer {
  const piece = gzipSync(
    buildTar(
      Array.from({ length: MEMBER_ENTRIES }, () => part),
      { hasEnd: false },
    ),
  );
  const end = gzipSync(Buffer.alloc(1024));
  return Buffer.concat([...Array.from({ length: Math.ceil(count / MEMBER_ENTRIES) }, () => piece), end]);
}

/** A compressed tar archive of a file of zeros that is `sizeBytes` large. */
export function gzipBomb(sizeBytes: number): Buffer {
  const pieceBytes = 16 << 20;
  const piece = gzipSync(Buffer.alloc(pieceBytes), { level: 9 });
  const head = gzipSync(buildTar([{ name: 'zeros', statedSize: sizeBytes }], { hasEnd: false }));
  return Buffer.concat([head, ...Array.from({ length: Math.ceil(sizeBytes / pieceBytes) }, () => piece)]);
}
