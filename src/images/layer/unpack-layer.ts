/** Has the unpack program apply a layer to a directory; on the host's side. */
import { closeSync, constants, openSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { ERROR_CODES, HutchError, type ErrorCode } from '../../errors/hutch-error.ts';
import { nodePath, programPath } from '../../host/program-path.ts';
import { chooseMaps } from '../../userns/choose-maps.ts';
import { spawnInUserns } from '../../userns/run-in-userns.ts';
import type { UnpackedLayer, UnpackFailure, UnpackLimits, UnpackMessage, UnpackRequest } from './unpack-protocol.ts';

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
        collect(child.stderr),
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

/** Reads messages to the end of the channel; the last one that is not progress, if any. */
async function listen(channel: Readable, onProgress: UnpackOptions['onProgress']): Promise<UnpackMessage | undefined> {
  let unread = '';
  let last: UnpackMessage | undefined;
  for await (const text of channel.setEncoding('utf8') as AsyncIterable<string>) {
    const lines = (unread + text).split('\n');
    unread = lines.pop() ?? '';
    for (const line of lines) {
      const message = JSON.parse(line) as UnpackMessage;
      if (message.event === 'unpack_progress') onProgress?.(message.sizeBytes);
      else last = message;
    }
  }
  return last;
}

async function collect(stream: Readable | null): Promise<string> {
  let words = '';
  if (stream === null) return words;
  for await (const text of stream.setEncoding('utf8') as AsyncIterable<string>) words = (words + text).slice(-4000);
  return words.trim();
}

function outcome(message: UnpackMessage | undefined, words: string, code: number): UnpackedLayer {
  if (message?.event === 'unpack_done') return message.layer;
  if (message?.event === 'unpack_failed') throw failure(message.error);
  throw new HutchError(
    `the unpack program ended with ${String(code)} before it was done${words === '' ? '' : `: ${words}`}`,
    {
      code: 'HOST_TOOL_FAILED',
      hint: 'run `hutch doctor`; if it finds nothing, report these lines',
      context: { code },
    },
  );
}

function failure({ code, message, hint, entry }: UnpackFailure): HutchError {
  const known: ErrorCode = ERROR_CODES.find((candidate) => candidate === code) ?? 'ARCHIVE_INVALID';
  return new HutchError(message, {
    code: known,
    ...(hint === null ? {} : { hint }),
    context: entry === null ? {} : { entry },
  });
}
