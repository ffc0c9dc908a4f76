/** Has the unpack program apply a layer to a directory; on the host's side. */
import { closeSync, constants, openSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { nodePath, programPath } from '../../host/program-path.ts';
import { chooseMaps } from '../../userns/choose-maps.ts';
import { spawnInUserns } from '../../userns/run-in-userns.ts';
import { endedEarly, failureFrom, lastWords, readMessages } from './program-answer.ts';
import type { LooseEnds, UnpackedLayer, UnpackLimits, UnpackMessage, UnpackRequest } from './unpack-protocol.ts';

/** Far above what images hold, and low enough to end an attack before the disk or the patience does. */
export const UNPACK_LIMITS: UnpackLimits = {
  entries: 2_000_000,
  sizeBytes: 256 * 2 ** 30,
  pathBytes: 4095,
  pathDepth: 500,
  headerBytes: 2 ** 20,
  looseBytes: 32 * 2 ** 20,
  ratio: 250,
  ratioFromBytes: 2 ** 30,
};

/** Entries are forgotten as soon as they are made: with more room V8 only fills it. A layer of a million directories took twice the memory. */
const SMALL_HEAP = ['--max-semi-space-size=2'];

export interface UnpackOptions {
  /** Bytes of the layer taken so far. */
  readonly onProgress?: ((sizeBytes: number) => void) | undefined;
  readonly limits?: Partial<UnpackLimits> | undefined;
  /** sha256 of the file, where it is known: it is not computed again. */
  readonly digest?: string | undefined;
  /** Has files of ids without a counterpart belong to nobody; without it they are an error. */
  readonly squashIds?: boolean | undefined;
  /** Ends the program; its reason is thrown then. */
  readonly signal?: AbortSignal | undefined;
}

/** A layer that was applied, and what it needs of the layers below. */
export interface AppliedLayer extends UnpackedLayer {
  readonly loose: LooseEnds;
}

/**
 * Applies the layer in the file `layer` to the empty directory `tree`, which the root of the user namespace must own.
 * Throws what the program found wrong (see applyLayer), HOST_TOOL_FAILED when it died; `tree` is then half-filled.
 */
export async function unpackLayer(layer: string, tree: string, options: UnpackOptions = {}): Promise<AppliedLayer> {
  options.signal?.throwIfAborted();
  const { userNamespace } = await chooseMaps();
  const request: UnpackRequest = {
    limits: { ...UNPACK_LIMITS, ...options.limits },
    squash: userNamespace.writer === 'self',
    squashUnmapped: options.squashIds ?? false,
    digest: options.digest ?? null,
  };
  const layerFd = openSync(layer, constants.O_RDONLY);
  const treeFd = openSync(tree, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const { child, exit } = await spawnInUserns(
      [nodePath(), ...SMALL_HEAP, programPath('unpack'), JSON.stringify(request)],
      {
        stdio: [layerFd, 'ignore', 'pipe', 'pipe', treeFd],
      },
    );
    const end = (): void => void child.kill('SIGKILL');
    options.signal?.addEventListener('abort', end);
    try {
      const [{ last, loose }, words, code] = await Promise.all([
        listen(child.stdio[3] as Readable, options.onProgress),
        lastWords(child.stderr),
        exit,
      ]);
      options.signal?.throwIfAborted();
      return { ...outcome(last, words, code), loose };
    } finally {
      options.signal?.removeEventListener('abort', end);
    }
  } finally {
    closeSync(layerFd);
    closeSync(treeFd);
  }
}

interface Heard {
  readonly last: UnpackMessage | undefined;
  readonly loose: LooseEnds;
}

/** The last message, if any, and all loose ends. */
async function listen(channel: Readable, onProgress: UnpackOptions['onProgress']): Promise<Heard> {
  let last: UnpackMessage | undefined;
  const directories: LooseEnds['directories'][number][] = [];
  const links: LooseEnds['links'][number][] = [];
  await readMessages(channel, (line) => {
    const message = line as UnpackMessage;
    if (message.event === 'unpack_progress') onProgress?.(message.sizeBytes);
    else if (message.event === 'unpack_loose') {
      directories.push(...message.loose.directories);
      links.push(...message.loose.links);
    } else last = message;
  });
  return { last, loose: { directories, links } };
}

function outcome(message: UnpackMessage | undefined, words: string, code: number): UnpackedLayer {
  if (message?.event === 'unpack_done') return message.layer;
  if (message?.event === 'unpack_failed') throw failureFrom(message.error);
  throw endedEarly('unpack', words, code);
}
