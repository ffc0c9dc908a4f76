/** One layer from its bytes to its tree, inside a chroot; unpack program, root of the user namespace. */
import { chmodSync, chownSync, closeSync } from 'node:fs';
import { errnoOf } from '../errors/hutch-error.ts';
import type { LooseEnds, UnpackedLayer, UnpackRequest } from '../images/layer/unpack-protocol.ts';
import { openFileCalls, type FileCalls } from '../syscall/files.ts';
import { openSyscalls } from '../syscall/syscalls.ts';
import { readLayer } from './layer-source.ts';
import { createTarParser } from '../archive/tar/parser.ts';
import { createTreeWriter } from './tree-writer.ts';

/** What the unpack program works on. */
export interface LayerTask extends UnpackRequest {
  readonly layerFd: number;
  /** An empty directory, which becomes the root of this process for good. */
  readonly treeFd: number;
  readonly onProgress: (sizeBytes: number) => void;
}

/** Applies the layer. ARCHIVE_INVALID, ID_UNMAPPED, STORAGE_FULL, STORE_UNWRITABLE or HOST_FEATURE_MISSING say why not. */
export async function applyLayer(task: LayerTask): Promise<{ layer: UnpackedLayer; loose: LooseEnds }> {
  const calls = openFileCalls();
  enterTree(task.treeFd, calls);
  const writer = createTreeWriter(calls, task);
  const parser = createTarParser(writer, task.limits);
  const digests = await readLayer({
    fd: task.layerFd,
    limits: task.limits,
    digest: task.digest,
    take: (chunk) => parser.push(chunk),
    onProgress: task.onProgress,
  });
  parser.finish();
  const { loose, ...counts } = writer.finish();
  const ends = { looseDirectories: loose.directories.length, looseLinks: loose.links.length };
  return { layer: { ...digests, ...counts, ...ends }, loose };
}

/** chroot(2) holds for all threads. What the directory inherited from the store's own would rub off on every entry. */
function enterTree(treeFd: number, calls: FileCalls): void {
  const { fchdir, chroot } = openSyscalls();
  fchdir(treeFd);
  chroot('.');
  process.chdir('/');
  process.umask(0);
  for (const name of ['system.posix_acl_default', 'system.posix_acl_access']) removeAttribute(calls, treeFd, name);
  closeSync(treeFd);
  chownSync('/', 0, 0);
  chmodSync('/', 0o755);
}

function removeAttribute(calls: FileCalls, fd: number, name: string): void {
  try {
    calls.fremovexattr(fd, name);
  } catch (error) {
    if (!['ENODATA', 'EOPNOTSUPP'].includes(errnoOf(error) ?? '')) throw error;
  }
}
