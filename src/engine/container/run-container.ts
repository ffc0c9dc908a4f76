/** `hutch run`: makes a container, runs it in the foreground, and clears up; on the host's side. */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { HutchError } from '../../errors/hutch-error.ts';
import { HUTCH_ANNOTATIONS } from '../../oci/runtime-spec.ts';
import { identifyProcess } from '../../host/process-identity.ts';
import { nodePath, programDirectory, programPath } from '../../host/program-path.ts';
import { discard } from '../../monitor/launch.ts';
import { rememberChain, takePrelaunched, type Prelaunched } from '../../monitor/prelaunch.ts';
import { supervise } from '../../monitor/supervise.ts';
import type { Enter, Plan } from '../../plan/step.ts';
import {
  claimName,
  containerDirectory,
  releaseName,
  writeContainer,
  type ContainerRecord,
} from '../../state/container-record.ts';
import { enterRunning, leaveRunning } from '../../state/running-list.ts';
import { writeError, writeJsonFile } from '../../state/json-file.ts';
import { locateStore, openStore, type Store } from '../../state/store.ts';
import { CHAIN_PATH, launchChain, type LaunchChain } from '../../userns/launch-chain.ts';
import { readSubordinateIds } from '../../userns/subordinate-ids.ts';
import { chooseMaps } from '../../userns/choose-maps.ts';
import { draftContainer, type Draft } from './draft-container.ts';
import type { ImageSource } from './image-source.ts';
import { inventName } from './names.ts';
import { newContainerId } from './new-id.ts';
import { obtainImage } from './obtain-image.ts';
import { performPreparation } from './perform-preparation.ts';
import { volumeWarning } from './parse-volume.ts';
import type { WatchPull } from './pull-policy.ts';
import { removeContainerDirectory } from './remove-directory.ts';
import type { RunRequest } from './run-request.ts';
import { sweepOrphans } from './sweep-orphans.ts';
import { traceSteps, type Trace } from './trace-steps.ts';

/** How a use case speaks to the user while it works. */
export interface RunEars {
  warn(text: string): void;
  /** Told of every step of the plan; null when nobody wants to know. */
  readonly trace: Trace | null;
  readonly watchPull: WatchPull;
}

/**
 * Runs a container to its end and returns the payload's exit code. Everything that was made is removed again when it fails
 * before the payload ran, and with `remove` also after it.
 */
export async function runContainer(request: RunRequest, ears: RunEars): Promise<number> {
  let guess = takePrelaunched(process.env);
  const takeGuess = (): Prelaunched | undefined => {
    const taken = guess;
    guess = undefined;
    return taken;
  };
  try {
    return await runWith(request, ears, takeGuess);
  } finally {
    // Nobody has taken it: something was wrong before the container could start.
    if (guess !== undefined) discard(guess);
  }
}

async function runWith(request: RunRequest, ears: RunEars, takeGuess: () => Prelaunched | undefined): Promise<number> {
  const owner = await storeOwner();
  const store = openStore(locateStore(), owner);
  await sweepOrphans(store);
  const image = await obtainImage(store, request, (work) => {
    // A pull takes its time; init is not kept waiting for it.
    const early = takeGuess();
    if (early !== undefined) discard(early);
    return ears.watchPull(work);
  });
  if (image.layerDirectories.some((directory) => !existsSync(directory))) await unpack(image.id, request);
  const id = newContainerId();
  const name = request.name ?? inventName();
  const directory = containerDirectory(store, id);
  const draft = await draftContainer({ request, image, id, name, store, directory });
  warnAbout(draft, ears);
  const record = newRecord({ request, image, id, name });
  await create(store, record, { draft, owner, layerDirectories: image.layerDirectories });
  let code: number | undefined;
  try {
    code = await superviseRecord(store, record, draft, { takeGuess, ears });
    return code;
  } finally {
    await finish(store, record, code);
  }
}

/** Somebody else's program copied the image into the store. */
async function unpack(image: string, { squashIds }: RunRequest): Promise<void> {
  const { unpackImage } = await import('../image/unpack-image.ts');
  await unpackImage(image, { squashIds });
}

/** Root's containers belong to the host uid that their root is mapped to. */
async function storeOwner(): Promise<number> {
  const own = process.getuid?.() ?? 0;
  if (own !== 0) return own;
  const { userNamespace } = await chooseMaps();
  return userNamespace.uidMap[0]?.hostId ?? own;
}

function warnAbout(draft: Draft, ears: RunEars): void {
  if (draft.reducedBecause !== null) {
    ears.warn(
      `only root exists in this container: ${draft.reducedBecause} (hutch doctor tells how to get the other ids)`,
    );
  }
  for (const mount of draft.spec.mounts) {
    const warning =
      mount.type === 'bind' && mount.source !== mount.destination && !mount.options.includes('create=file')
        ? volumeWarning(mount)
        : null;
    if (warning !== null) ears.warn(warning);
  }
}

function newRecord({
  request,
  image,
  id,
  name,
}: {
  request: RunRequest;
  image: ImageSource;
  id: string;
  name: string;
}): ContainerRecord {
  return {
    id,
    name,
    image: { reference: image.reference, id: image.id, layers: image.layers },
    command: request.command,
    createdAt: new Date().toISOString(),
    removeAtExit: request.remove,
    monitor: identifyProcess(process.pid) ?? null,
    payload: null,
    exit: null,
  };
}

/** The running list comes first: whatever is half made can be found and swept. */
async function create(
  store: Store,
  record: ContainerRecord,
  { draft, owner, layerDirectories }: { draft: Draft; owner: number; layerDirectories: readonly string[] },
): Promise<void> {
  const directory = containerDirectory(store, record.id);
  if (record.monitor !== null) enterRunning(store, record.id, record.monitor);
  try {
    claimName(store, record.name, record.id);
    makeContainerDirectory(directory);
    // The record names the layers, which keeps `rmi` from taking them; only then is it sure that they are there.
    writeContainer(store, record);
    requireLayers(layerDirectories);
    await performPreparation(
      { ...draft.plan.prepare, directories: [directory, ...draft.plan.prepare.directories] },
      owner,
    );
  } catch (error) {
    await remove(store, record);
    throw error;
  }
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

async function superviseRecord(
  store: Store,
  record: ContainerRecord,
  { plan, spec }: Draft,
  { takeGuess, ears }: { takeGuess: () => Prelaunched | undefined; ears: RunEars },
): Promise<number> {
  const chain = chainFor(plan);
  const code = await supervise({
    plan,
    chain,
    prelaunched: takeGuess(),
    interactive: spec.annotations[HUTCH_ANNOTATIONS.stdin] === 'true',
    // While init works: the bundle and the record are for others to read, the plan is on its way already.
    onStarted: (pid) => {
      writeJsonFile(join(containerDirectory(store, record.id), 'config.json'), spec, { durable: !record.removeAtExit });
      writeContainer(store, { ...record, payload: identifyProcess(pid) ?? null });
    },
    onStep: ears.trace === null ? null : traceSteps(plan, ears.trace),
  });
  if (chain.mapping === 'inline' && isPlain(plan.enter)) rememberChain(store.run, chain.argv, CHAIN_PATH);
  return code;
}

/** The shape that most runs have: only that is worth a guess. */
function isPlain({ userNamespaces, pid, time }: Enter): boolean {
  const hasOffset = time !== null && (time.monotonicSeconds !== 0 || time.boottimeSeconds !== 0);
  return userNamespaces.length === 1 && pid === 'private' && !hasOffset;
}

/** Where root's containers see hutch's programs: the mapped ids may not enter root's own directories. */
const ROOTS_PROGRAMS = '/run/hutch-programs';

/** The third spares a fifth of Node's start: see docs/adr/0011. What init reads comes from hutch alone. */
const INIT_FLAGS = ['--disable-sigusr1', '--no-warnings', '--no-rehash-snapshot'];

/** The launch chain of a plan on this host. */
export function chainFor(plan: Plan): LaunchChain {
  const isRoot = process.getuid?.() === 0;
  const here = programDirectory();
  const there = ROOTS_PROGRAMS;
  const seen = (path: string): string => (isRoot ? path.replace(here, there) : path);
  const node = seen(nodePath());
  if (isRoot) mkdirSync(there, { recursive: true, mode: 0o755 });
  return launchChain(
    {
      userNamespaces: plan.enter.userNamespaces,
      pid: plan.enter.pid,
      time: plan.enter.time,
      argv: [node, ...INIT_FLAGS, seen(programPath('init'))],
      protect: node,
      ...(isRoot ? { expose: { from: here, at: there } } : {}),
    },
    readSubordinateIds(process.getuid?.() ?? 0),
  );
}

async function finish(store: Store, record: ContainerRecord, code: number | undefined): Promise<void> {
  if (record.removeAtExit || code === undefined) {
    await remove(store, record);
    return;
  }
  writeContainer(store, { ...record, exit: { code, finishedAt: new Date().toISOString() } });
  leaveRunning(store, record.id);
}

async function remove(store: Store, record: ContainerRecord): Promise<void> {
  await removeContainerDirectory(containerDirectory(store, record.id));
  releaseName(store, record.name, record.id);
  leaveRunning(store, record.id);
}
