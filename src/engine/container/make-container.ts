/** Making a container on disk, for `run` and `create`: nothing of it runs yet; on the host's side. */
import { existsSync, mkdirSync } from 'node:fs';
import { constants } from 'node:os';
import { join, resolve } from 'node:path';
import { HutchError } from '../../errors/hutch-error.ts';
import { identifyProcess, type ProcessIdentity } from '../../host/process-identity.ts';
import { dropContainer, dropNameless } from '../../monitor/drop-container.ts';
import { claimName } from '../../state/container-names.ts';
import { containerDirectory, writeContainer, type ContainerRecord } from '../../state/container-record.ts';
import { newState, writeState } from '../../state/container-state.ts';
import { noteEvent } from '../../state/events.ts';
import { enterRunning } from '../../state/running-list.ts';
import { writeError, writeJsonFile } from '../../state/json-file.ts';
import { findNetwork } from '../../state/networks.ts';
import type { Store } from '../../state/store.ts';
import { buildLabels } from './build-labels.ts';
import { draftContainer, type Draft, type EarlyNetwork } from './draft-container.ts';
import { findImage } from './find-image.ts';
import type { ImageSource } from './image-source.ts';
import { inventName } from './names.ts';
import { newContainerId } from './new-id.ts';
import { openOwnStore } from './open-own-store.ts';
import { obtainImage } from './obtain-image.ts';
import { parseHealth } from './parse-health.ts';
import { parseLog, parseRestart, parseWholeSeconds } from './parse-life.ts';
import { parseSignal } from './parse-signal.ts';
import { parsePair } from './parse-values.ts';
import { commandOf } from './payload-arguments.ts';
import { performPreparation } from './perform-preparation.ts';
import { volumeWarning } from './parse-volume.ts';
import type { WatchPull } from './pull-policy.ts';
import type { RunRequest } from './run-request.ts';
import { sweepOrphans } from './sweep-orphans.ts';
import { systemdMode } from './systemd-mode.ts';
import { weightNote } from './weight-note.ts';

/** How a use case speaks to the user while it works. */
export interface MakeEars {
  warn(text: string): void;
  readonly watchPull: WatchPull;
}

export interface MadeContainer {
  readonly store: Store;
  readonly record: ContainerRecord;
  readonly draft: Draft;
  /** This process: it stands in the running list for the container. */
  readonly identity: ProcessIdentity;
}

export interface MakeOptions {
  /** The streams for its first client. */
  readonly attached: NonNullable<ContainerRecord['attached']>;
  readonly earlyNetwork?: EarlyNetwork | undefined;
}

const DEFAULT_STOP_SECONDS = 10;
/** SIGRTMIN+3, by which a systemd is asked to halt. Source: systemd(1). */
const SYSTEMD_HALT = 37;

/**
 * Makes a container that this process looks after until it leaves the running list. Everything is removed again when that fails.
 * NAME_IN_USE, USAGE_INVALID, IMAGE_UNKNOWN, STORAGE_FULL and what draftContainer() throws.
 */
export async function makeContainer(
  request: RunRequest,
  ears: MakeEars,
  { attached, earlyNetwork }: MakeOptions,
): Promise<MadeContainer> {
  const { store, owner } = await openOwnStore();
  await sweepOrphans(store);
  const image = await unpacked(store, request, await obtainImage(store, request, ears.watchPull), ears);
  const id = newContainerId();
  const name = request.name ?? inventName();
  const directory = containerDirectory(store, id);
  const draftOf = (asked: RunRequest, isToBeMade: boolean): Promise<Draft> =>
    draftContainer({
      ...{ request: asked, image, id, name, store, directory, isToBeMade },
      earlyNetwork: isToBeMade ? earlyNetwork : undefined,
    });
  const recordOf = (draft: Draft): ContainerRecord => newRecord({ request, image, id, name, draft, attached });
  if (request.replace === true) {
    const { replaceContainer } = await import('./replace-container.ts');
    await replaceContainer(store, request, async (asked) => void recordOf(await draftOf(asked, false)));
  }
  const draft = await draftOf(request, true);
  const record = recordOf(draft);
  warnAbout(draft, ears);
  const identity = ownIdentity();
  await create(store, record, { draft, owner, identity, layerDirectories: image.layerDirectories });
  return { store, record, draft, identity };
}

/** The image, unpacked where somebody else's program copied it into the store: only then its layers tell how they lie on each other. */
async function unpacked(store: Store, request: RunRequest, image: ImageSource, ears: MakeEars): Promise<ImageSource> {
  if (image.layerDirectories.every((directory) => existsSync(directory))) return image;
  await unpack(image, request, ears);
  return { ...findImage(store, image.id), reference: image.reference };
}

/** What others, and the container's next start, need to know of it: its spec and its plan. */
export function writeBundle(store: Store, record: ContainerRecord, { spec, plan }: Draft): void {
  const directory = containerDirectory(store, record.id);
  const options = { durable: !record.removeAtExit };
  writeJsonFile(join(directory, 'config.json'), spec, options);
  writeJsonFile(join(directory, 'plan.json'), plan, options);
}

/** Somebody else's program copied the image into the store. */
async function unpack({ id, reference }: ImageSource, { squashIds }: RunRequest, ears: MakeEars): Promise<void> {
  const { unpackImage } = await import('../image/unpack-image.ts');
  const { squashNote } = await import('../image/squash-note.ts');
  const note = squashNote(reference, await unpackImage(id, { squashIds }));
  if (note !== null) ears.warn(note);
}

function ownIdentity(): ProcessIdentity {
  const identity = identifyProcess(process.pid);
  if (identity === undefined) throw new Error('this process has no entry in /proc');
  return identity;
}

function warnAbout(draft: Draft, ears: MakeEars): void {
  if (draft.reducedBecause !== null) {
    ears.warn(
      `only root exists in this container: ${draft.reducedBecause} (hutch doctor tells how to get the other ids)`,
    );
  }
  const weight = weightNote(draft.spec.linux.resources);
  for (const note of [...draft.published.notes, ...(weight === null ? [] : [weight])]) ears.warn(note);
  const warnings = draft.spec.mounts
    .filter(
      ({ type, source, destination, options }) =>
        type === 'bind' && source !== destination && !options.includes('create=file'),
    )
    .map(volumeWarning)
    .filter((warning) => warning !== null);
  for (const warning of new Set(warnings)) ears.warn(warning);
}

interface RecordParts {
  readonly request: RunRequest;
  readonly image: ImageSource;
  readonly id: string;
  readonly name: string;
  readonly draft: Draft;
  readonly attached: NonNullable<ContainerRecord['attached']>;
}

function newRecord({ request, image, id, name, draft, attached }: RecordParts): ContainerRecord {
  const { stopTimeout, timeout, annotations = [], pidFile } = request;
  const { resolver, networks } = draft;
  const { ports } = draft.published;
  const exposed = [...image.defaults.exposedPorts, ...request.expose];
  return {
    id,
    name,
    image: { reference: image.reference, id: image.id, layers: image.layers },
    command: commandOf(draft.spec),
    createdAt: new Date().toISOString(),
    removeAtExit: request.remove,
    labels: buildLabels(request, image.defaults.labels),
    terminal: request.terminal,
    interactive: request.interactive,
    attached,
    stdinOnce: request.interactive && attached.includes('stdin'),
    restart: parseRestart(request),
    stopSignal: stopSignalOf(request, image),
    stopTimeoutSeconds:
      stopTimeout === undefined ? DEFAULT_STOP_SECONDS : parseWholeSeconds('--stop-timeout', stopTimeout, -1),
    timeoutSeconds: timeout === undefined || timeout === '0' ? null : parseWholeSeconds('--timeout', timeout, 1),
    log: parseLog(request),
    ...(ports.length === 0 ? {} : { ports }),
    ...(exposed.length === 0 ? {} : { exposed }),
    ...(pidFile === undefined ? {} : { pidFile: resolve(pidFile) }),
    ...(annotations.length === 0
      ? {}
      : { annotations: Object.fromEntries(annotations.map((text) => parsePair('--annotation', text))) }),
    ...(networks === undefined ? {} : { networks: networks.attachments, nameServers: request.dns }),
    ...(resolver === null ? {} : { resolver }),
    health: parseHealth(request, image.defaults.healthCheck),
  };
}

function stopSignalOf(request: RunRequest, image: ImageSource): number {
  const word = request.stopSignal ?? image.defaults.stopSignal;
  if (word === '' && systemdMode(request, image) !== 'off') return SYSTEMD_HALT;
  if (word === '') return constants.signals.SIGTERM;
  return parseSignal(request.stopSignal === undefined ? 'STOPSIGNAL of the image' : '--stop-signal', word);
}

interface Making {
  readonly draft: Draft;
  readonly owner: number;
  readonly identity: ProcessIdentity;
  readonly layerDirectories: readonly string[];
}

/** The running list comes first: whatever is half made can be found and swept. */
async function create(
  store: Store,
  record: ContainerRecord,
  { draft, owner, identity, layerDirectories }: Making,
): Promise<void> {
  const directory = containerDirectory(store, record.id);
  await enterRunning(store, record.id, identity);
  try {
    makeContainerDirectory(directory);
    await claimName(store, record.name, record.id);
  } catch (error) {
    await dropNameless(store, record.id);
    throw error;
  }
  try {
    // The record names layers and networks, which keeps others from removing them; only then is it sure that they are there.
    writeContainer(store, record);
    writeState(store, record.id, newState(identity));
    requireLayers(layerDirectories);
    for (const { network } of record.networks ?? []) findNetwork(store, network);
    await performPreparation(
      { ...draft.plan.prepare, directories: [directory, ...draft.plan.prepare.directories] },
      owner,
    );
  } catch (error) {
    await dropContainer(store, record);
    throw error;
  }
  noteEvent(store, 'create', record);
}

function requireLayers(directories: readonly string[]): void {
  const missing = directories.find((directory) => !existsSync(directory));
  if (missing === undefined) return;
  throw new HutchError(`a layer of the image was removed meanwhile: ${missing}`, {
    code: 'IMAGE_UNKNOWN',
    hint: 'pull or import the image again',
    context: { path: missing },
  });
}

function makeContainerDirectory(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    throw writeError(directory, error);
  }
}
