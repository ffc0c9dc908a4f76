/** The three things that can be made of a container's tree; pack program, chrooted into the store. */
import { OPAQUE_WHITEOUT, WHITEOUT_PREFIX } from '../archive/layer-attributes.ts';
import type { ContainerTree, Packed, PackedChange, PackRequest } from '../images/layer/pack-protocol.ts';
import type { FileCalls } from '../syscall/files.ts';
import { createArchiveOutput } from './archive-output.ts';
import type { ByteOutput } from './byte-output.ts';
import { listIn } from './merged-directory.ts';
import { walkChanges } from './walk-changes.ts';

type Pack = (request: PackRequest, output: ByteOutput, calls: FileCalls) => Packed;

/** Writes what `request` asks for to `output`. CONTAINER_RUNNING when a file changes under its hands. */
export function packTree(request: PackRequest, output: ByteOutput, calls: FileCalls): Packed {
  const pack: Readonly<Record<PackRequest['output'], Pack>> = {
    changes: packChanges,
    layer: packLayer,
    tree: packMerged,
  };
  return pack[request.output](request, output, calls);
}

/** One line of JSON for each change. */
function packChanges(tree: ContainerTree, output: ByteOutput, calls: FileCalls): Packed {
  let entries = 0;
  walkChanges(tree, calls, ({ kind, path }) => {
    const change: PackedChange = { kind, path };
    output.write(Buffer.from(`${JSON.stringify(change)}\n`));
    entries += 1;
  });
  output.flush();
  return { entries, leftOut: 0 };
}

/** The changes as an OCI layer. Source: image-spec, layer.md. */
function packLayer(tree: PackRequest, output: ByteOutput, calls: FileCalls): Packed {
  const archive = createArchiveOutput(output, calls, tree);
  const counts = { entries: 0, leftOut: 0 };
  walkChanges(tree, calls, ({ path, now, isOpaque, isCovered }) => {
    const name = path.slice(1);
    if (now === null) {
      if (isCovered) return;
      archive.addEmpty(whiteoutName(name));
    } else {
      const isAdded = archive.add(name, now);
      if (isAdded === false) counts.leftOut += 1;
      if (isAdded !== true) return;
    }
    if (isOpaque) archive.addEmpty(`${name}/${OPAQUE_WHITEOUT}`);
    counts.entries += 1;
  });
  archive.finish();
  return counts;
}

function whiteoutName(name: string): string {
  const at = name.lastIndexOf('/') + 1;
  return `${name.slice(0, at)}${WHITEOUT_PREFIX}${name.slice(at)}`;
}

/** Everything that the container shows. */
function packMerged(request: PackRequest, output: ByteOutput, calls: FileCalls): Packed {
  const { upper, lower, isWholeCopy } = request;
  const archive = createArchiveOutput(output, calls, request);
  const counts = { entries: 0, leftOut: 0 };
  const walk = (prefix: string, directories: readonly string[]): void => {
    for (const [name, found] of listIn(directories, calls)) {
      const isAdded = archive.add(`${prefix}${name}`, found);
      if (isAdded === true) counts.entries += 1;
      else if (isAdded === false) counts.leftOut += 1;
      if (found.directories.length > 0) walk(`${prefix}${name}/`, found.directories);
    }
  };
  walk('', isWholeCopy ? [upper] : [upper, ...lower]);
  archive.finish();
  return counts;
}
