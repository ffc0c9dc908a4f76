/** Has the unpack program apply a layer to a directory; on the host's side. */
import { closeSync, constants, openSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { nodePath, programPath } from '../../host/program-path.ts';
import { chooseMaps } from '../../userns/choose-maps.ts';
import { spawnInUserns } from '../../userns/run-in-userns.ts';
import { endedEarly, failureFrom, lastWords, readMessages } from './program-answer.ts';
import type { UnpackedLayer, UnpackLimits, UnpackMessage, UnpackRequest } from './unpack-protocol.ts';

/** Far above what images hold, and low enough to end an attack before the disk or the patience does. */
export const UNPACK_LIMITS: UnpackLimits = {
  entries: 2_000_000,
  sizeBytes: 256 * 2 ** 30,
  pathBytes: 4095,
  pathDepth: 500,
  headerBytes: 2 ** 20,
  ratio: 250,
  ratioFromBytes: 2 ** 30,
};

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

/**
 * Applies the layer in the file `layer` to the empty directory `tree`, which the root of the user namespace must own.
 * Throws what the program found wrong (see applyLayer), HOST_TOOL_FAILED when it died; `tree` is then half-filled.
 */
export async function unpackLayer(layer: string, tree: string, options: UnpackOptions = {}): Promise<UnpackedLayer> {
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
    const { child, exit } = await spawnInUserns([nodePath(), programPath('unpack'), JSON.stringify(request)], {
      stdio: [layerFd, 'ignore', 'pipe', 'pipe', treeFd],
    });
    const end = (): void => void child.kill('SIGKILL');
    options.signal?.addEventListener('abort', end);
    try {
      const [messages, words, code] = await Promise.all([
        listen(child.stdio[3] as Readable, options.onProgress),
        lastWords(child.stderr),
        exit,
      ]);
      options.signal?.throwIfAborted();
      return outcome(messages, words, code);
    } finally {
      options.signal?.removeEventListener('abort', end);
    }
  } finally {
    closeSync(layerFd);
    closeSync(treeFd);
  }
}

/** The last message that is not progress, if any. */
async function listen(channel: Readable, onProgress: UnpackOptions['onProgress']): Promise<UnpackMessage | undefined> {
  let last: UnpackMessage | undefined;
  await readMessages(channel, (line) => {
    const message = line as UnpackMessage;
    if (message.event === 'unpack_progress') onProgress?.(message.sizeBytes);
    else last = message;
  });
  return last;
}

function outcome(message: UnpackMessage | undefined, words: string, code: number): UnpackedLayer {
  if (message?.event === 'unpack_done') return message.layer;
  if (message?.event === 'unpack_failed') throw failureFrom(message.error);
  throw endedEarly('unpack', words, code);
}
