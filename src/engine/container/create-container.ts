/** `hutch create`: a container that is made and not started; on the host's side. */
import { dropContainer } from '../../monitor/drop-container.ts';
import { newState, writeState } from '../../state/container-state.ts';
import { leaveRunning } from '../../state/running-list.ts';
import { refuseCidFile, refusePidFile, writeCidFile } from './cid-file.ts';
import { makeContainer, writeBundle, type MadeContainer, type MakeEars } from './make-container.ts';
import { connectedStreams, parseAttachment } from './parse-attachment.ts';
import type { RunRequest } from './run-request.ts';

/**
 * Makes a container and returns its id. What `attach` names only decides, as with docker, whether its stdin ends with that of the first client, and
 * is shown by inspect. Errors as makeContainer(), USAGE_INVALID for what is no stream; then nothing is left.
 */
export async function createContainer(
  request: RunRequest,
  ears: MakeEars,
  options: { readonly cidFile?: string | undefined; readonly attach?: readonly string[] | undefined },
): Promise<string> {
  const { interactive: stdin } = request;
  const streams = connectedStreams(parseAttachment({ stdin, sigProxy: true, attach: options.attach }));
  refuseCidFile(options.cidFile);
  refusePidFile(request.pidFile);
  const made = await makeContainer(request, ears, { attached: streams });
  try {
    keepCreated(made);
    writeCidFile(options.cidFile, made.record.id);
  } catch (error) {
    await dropContainer(made.store, made.record);
    throw error;
  }
  return made.record.id;
}

/** Leaves a container that was just made to whoever starts it. */
export function keepCreated({ store, record, draft }: MadeContainer): void {
  writeBundle(store, record, draft);
  writeState(store, record.id, newState(null));
  leaveRunning(store, record.id);
}
