/** Has the pack program read what a container has written; on the host's side. */
import { closeSync, constants, openSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { nodePath, programPath } from '../../host/program-path.ts';
import type { Store } from '../../state/store.ts';
import { chooseMaps } from '../../userns/choose-maps.ts';
import { spawnInUserns } from '../../userns/run-in-userns.ts';
import type { ContainerTree, Packed, PackMessage, PackRequest } from './pack-protocol.ts';
import { endedEarly, failureFrom, lastWords, readMessages } from './program-answer.ts';

/**
 * Runs the pack program; `take` reads its output to the end. STORE_UNWRITABLE, STORAGE_FULL, CONTAINER_RUNNING when a file changes
 * while it is read, HOST_TOOL_FAILED; what was taken so far is half then.
 */
export async function packContainer(
  store: Store,
  request: ContainerTree & Pick<PackRequest, 'output'>,
  take: (output: Readable) => Promise<void>,
): Promise<Packed> {
  const storeFd = openSync(store.root, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const { userNamespace } = await chooseMaps();
    const full: PackRequest = { ...request, hasKeptOwners: userNamespace.writer === 'self' };
    const { child, exit } = await spawnInUserns([nodePath(), programPath('pack'), JSON.stringify(full)], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', storeFd],
    });
    let last: PackMessage | undefined;
    const taken = take(child.stdout as Readable);
    // A reader that gives up ends the program, too: nothing else would.
    taken.catch(() => child.kill('SIGKILL'));
    const [, , words, code] = await Promise.all([
      taken,
      readMessages(child.stdio[3] as Readable, (message) => (last = message as PackMessage)),
      lastWords(child.stderr),
      exit,
    ]);
    return outcome(last, words, code);
  } finally {
    closeSync(storeFd);
  }
}

function outcome(message: PackMessage | undefined, words: string, code: number): Packed {
  if (message?.event === 'pack_done') return message.packed;
  if (message?.event === 'pack_failed') throw failureFrom(message.error);
  throw endedEarly('pack', words, code);
}
