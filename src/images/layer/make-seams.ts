/** Has the make-seam program fit layers to those below them; on the host's side. */
import { closeSync, constants, existsSync, openSync } from 'node:fs';
import { relative } from 'node:path';
import type { Readable } from 'node:stream';
import { danglingLink } from '../../archive/failure.ts';
import type { HutchError } from '../../errors/hutch-error.ts';
import { nodePath, programPath } from '../../host/program-path.ts';
import type { Digest } from '../../oci/image.ts';
import { readJsonFile } from '../../state/json-file.ts';
import type { Store } from '../../state/store.ts';
import { spawnInUserns } from '../../userns/run-in-userns.ts';
import { layerStack, needsSeam, type LocateLayer } from './layer-stack.ts';
import { loosePath, readRecordIn, seamIn, treeIn } from './layers.ts';
import { endedEarly, failureFrom, lastWords, readMessages } from './program-answer.ts';
import type { SeamMessage, SeamRequest } from './seam-protocol.ts';
import type { LooseEnds } from './unpack-protocol.ts';

/**
 * Makes the seams that an image of these layers (lowest first) needs and that are not there yet. ARCHIVE_INVALID for a hard link to a file
 * that no layer has, STORAGE_FULL, STORE_UNWRITABLE, HOST_TOOL_FAILED. Only inside withIndexLock: two must not make the same.
 */
export async function makeSeams(store: Store, diffIds: readonly Digest[], locate: LocateLayer): Promise<void> {
  for (const [at, diffId] of diffIds.entries()) {
    const directory = locate(diffId);
    const record = readRecordIn(directory);
    const below = diffIds.slice(0, at);
    if (needsSeam(record, below)) await makeSeam(store, { directory, below, locate });
    else if ((record?.looseLinks ?? 0) > 0) throw danglingLinkOf(directory);
  }
}

interface Place {
  readonly directory: string;
  readonly below: readonly Digest[];
  readonly locate: LocateLayer;
}

async function makeSeam(store: Store, { directory, below, locate }: Place): Promise<void> {
  const seam = seamIn(directory, below);
  if (existsSync(seam)) return;
  const inStore = (path: string): string => `/${relative(store.root, path)}`;
  const request: SeamRequest = {
    layer: inStore(treeIn(directory)),
    below: layerStack(below, locate).map(inStore),
    into: inStore(seam),
  };
  const looseFd = openSync(loosePath(directory), constants.O_RDONLY);
  const storeFd = openSync(store.root, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const { child, exit } = await spawnInUserns([nodePath(), programPath('make-seam'), JSON.stringify(request)], {
      stdio: [looseFd, 'ignore', 'pipe', 'pipe', storeFd],
    });
    let last: SeamMessage | undefined;
    const [, words, code] = await Promise.all([
      readMessages(child.stdio[3] as Readable, (message) => (last = message as SeamMessage)),
      lastWords(child.stderr),
      exit,
    ]);
    requireDone(last, words, code);
  } finally {
    closeSync(looseFd);
    closeSync(storeFd);
  }
}

function requireDone(message: SeamMessage | undefined, words: string, code: number): void {
  if (message?.event === 'seam_done') return;
  if (message?.event === 'seam_failed') throw failureFrom(message.error);
  throw endedEarly('make-seam', words, code);
}

function danglingLinkOf(directory: string): HutchError {
  const [[name, target] = ['', '']] = (readJsonFile(loosePath(directory)) as LooseEnds).links;
  return danglingLink(name, target);
}
