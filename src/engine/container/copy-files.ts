/** `hutch cp`: files between a container and the host, another container, or an archive; in the CLI process. */
import { closeSync, constants, openSync } from 'node:fs';
import { posix, resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isHutchError } from '../../errors/hutch-error.ts';
import { parentInSameUserns } from '../../host/container-process.ts';
import { nodePath, programPath } from '../../host/program-path.ts';
import { endedEarly, failureFrom, lastWords, readMessages } from '../../images/layer/program-answer.ts';
import type { CopyMessage, CopyPlace, ReceiveRequest, SendRequest } from '../../protocol/copy.ts';
import { findContainer } from '../../state/container-record.ts';
import { currentState, isBusy } from '../../state/container-state.ts';
import { locateStore, type Store } from '../../state/store.ts';
import { spawnInContainer } from '../../userns/run-in-container.ts';
import { spawnInUserns, type UsernsProcess } from '../../userns/run-in-userns.ts';
import { refuseTerminal } from '../image/write-output.ts';
import { justEnded } from './container-errors.ts';
import { locateTree } from './container-tree.ts';
import { enterEnded, readEndedHost, type EndedRoot } from './ended-root.ts';
import { locateProgram } from '../../monitor/locate-init.ts';
import { badValue } from './parse-values.ts';
import { findRunning, hasEnded } from './running-container.ts';

export interface CopyRequest {
  /** `CONTAINER:PATH`, a path of the host, or `-` for an archive. */
  readonly source: string;
  readonly destination: string;
  /** Keep owners. */
  readonly archive: boolean;
  /** Copy what a symbolic link at the source leads to. */
  readonly followLink: boolean;
  /** Ends the copy: what is not whole by then is taken away, and a file that it was to replace stays. */
  readonly signal: AbortSignal;
}

export interface Copied {
  readonly entries: number;
  /** Sockets and device nodes. */
  readonly leftOut: number;
  /** Files whose owner has no id, given to nobody. */
  readonly squashedIds: number;
}

/** One end of a copy. */
type End =
  { readonly kind: 'archive' } | { readonly kind: 'files'; readonly container: string | null; readonly path: string };

/**
 * Copies. A running container's files are seen as it sees them; those of one that does not run without its volumes. CONTAINER_UNKNOWN,
 * CONTAINER_RUNNING when somebody else is just at it, PATH_INVALID, USAGE_INVALID, ARCHIVE_INVALID, STORAGE_FULL.
 */
export async function copyFiles(request: CopyRequest): Promise<Copied> {
  const [source, destination] = [parseEnd(request.source), parseEnd(request.destination)];
  if (!isInContainer(source) && !isInContainer(destination))
    throw badValue('cp', `${request.source} ${request.destination}`, 'CONTAINER:PATH for one of the two');
  const store = locateStore();
  if (destination.kind === 'archive') {
    refuseTerminal(null);
    return send(store, source, request, (output) => pipeline(output, process.stdout));
  }
  const { signal } = request;
  if (source.kind === 'archive')
    return (await startReceiver(store, destination, { keepOwners: true, signal })).take(process.stdin);
  const receiver = await startReceiver(store, destination, {
    source: { name: nameOf(source.path) },
    keepOwners: request.archive,
    signal,
  });
  let received: Copied | undefined;
  let refusal: Error | undefined;
  let taking = Promise.resolve();
  const take = async (output: Readable): Promise<void> => {
    try {
      received = await receiver.take(output);
    } catch (error) {
      // What was sent was wrong in the first place, perhaps: that error is the better one.
      refusal = error as Error;
    }
  };
  const sent = await send(store, source, request, (output) => (taking = take(output))).catch(async (error: unknown) => {
    // Nothing more comes: it takes away what it has by halves.
    await receiver.stop();
    await taking;
    // It was refused before it was sent.
    throw isBrokenPipe(error) ? (refusal ?? error) : error;
  });
  if (refusal !== undefined) throw refusal;
  return {
    entries: sent.entries,
    leftOut: sent.leftOut + (received?.leftOut ?? 0),
    squashedIds: received?.squashedIds ?? 0,
  };
}

/** As the send program says that nobody reads what it sends. */
function isBrokenPipe(error: unknown): boolean {
  return isHutchError(error, 'PATH_INVALID') && error.message.endsWith(': EPIPE');
}

/** As docker: what begins with a slash or a dot is a path of the host, even with a colon in it. */
function parseEnd(word: string): End {
  if (word === '-') return { kind: 'archive' };
  const colon = word.indexOf(':');
  if (colon <= 0 || /^[./]/u.test(word)) return { kind: 'files', container: null, path: absolute(given(word, word)) };
  return { kind: 'files', container: word.slice(0, colon), path: absolute(given(word.slice(colon + 1), word), '/') };
}

/** A variable that a script has not set would stand for the whole current directory, or for all of the container. */
function given(path: string, word: string): string {
  if (path === '') throw badValue('cp', word, 'a path, such as . or CONTAINER:/');
  return path;
}

/** Absolute and plain; a slash or `/.` at the end, which means a directory or what is in one, stays. */
function absolute(path: string, from = process.cwd()): string {
  if (path.includes('\0')) throw badValue('cp', path, 'a path');
  const ending = /(?:^|\/)\.$/u.test(path) ? '/.' : path.endsWith('/') ? '/' : '';
  const plain = resolve(from, path);
  return plain === '/' ? `/${ending === '' ? '' : '.'}` : `${plain}${ending}`;
}

function isInContainer(end: End): boolean {
  return end.kind === 'files' && end.container !== null;
}

/** The name that a copy bears unless another is given; null when what is in the directory is meant. */
function nameOf(path: string): string | null {
  if (path.endsWith('/.') || path === '/') return null;
  return posix.basename(path);
}

const STDERR = ['pipe', 'pipe'] as const;

async function send(
  store: Store,
  source: End,
  { followLink, signal }: CopyRequest,
  take: (output: Readable) => Promise<void>,
): Promise<Copied> {
  if (source.kind === 'archive') throw badValue('cp', '-', 'a container for one of the two');
  const { from, ended } = await placeOf(store, source.container);
  using _ended = ended;
  const path = source.path.replace(/\/\.?$/u, '') || '/';
  const needsDirectory = path !== source.path;
  const follow = followLink || needsDirectory;
  const request: SendRequest = { from, path, needsDirectory, follow, name: nameOf(source.path) };
  const storeFd = from.kind === 'stopped' ? openStoreDirectory(store) : undefined;
  try {
    const { child, exit } = await start(
      'send',
      request,
      from,
      ['ignore', 'pipe', ...STDERR, storeFd ?? 'ignore'],
      ended?.prefix,
    );
    const taken = take(child.stdout as Readable);
    const kill = (): void => void child.kill('SIGKILL');
    // A reader that gives up ends the program, too.
    taken.catch(kill);
    signal.addEventListener('abort', kill);
    const sent = whileThere(source.container, from, () => answerOf('send', child, exit));
    const [copied] = await Promise.all([sent, taken]).catch((error: unknown) => {
      signal.throwIfAborted();
      throw error;
    });
    return copied;
  } finally {
    if (storeFd !== undefined) closeSync(storeFd);
  }
}

interface RunningReceiver {
  /** Hands it the archive, and waits until all is made. */
  take(input: NodeJS.ReadableStream): Promise<Copied>;
  /** Ends the archive here, and waits until what is not whole is gone. */
  stop(): Promise<void>;
}

async function startReceiver(
  store: Store,
  destination: Extract<End, { kind: 'files' }>,
  { signal, ...how }: Pick<ReceiveRequest, 'source' | 'keepOwners'> & Pick<CopyRequest, 'signal'>,
): Promise<RunningReceiver> {
  const { to, ended: root } = await destinationOf(store, destination.container);
  const path = destination.path.replace(/\/\.?$/u, '') || '/';
  const request: ReceiveRequest = { ...how, to, path, needsDirectory: path !== destination.path };
  const release = (): void => root?.[Symbol.dispose]();
  const { child, exit } = await start('receive', request, to, ['pipe', 'ignore', ...STDERR], root?.prefix).catch(
    (error: unknown) => {
      release();
      throw error;
    },
  );
  const answer = whileThere(destination.container, to, () => answerOf('receive', child, exit)).finally(release);
  const ended = answer.then(
    () => undefined,
    () => undefined,
  );
  return {
    take: async (input) => {
      const given = pipeline(input, child.stdin as Writable, { signal }).catch(() => undefined);
      await Promise.all([ended, given]);
      signal.throwIfAborted();
      return answer;
    },
    stop: async () => {
      child.stdin?.destroy();
      await ended;
    },
  };
}

/** A container that ends meanwhile fails a copy in many ways; a wrong path does so in any case. */
async function whileThere<T>(container: string | null, place: CopyPlace, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (container === null || place.kind !== 'running' || !hasEnded(place)) throw error;
    throw isHutchError(error, 'PATH_INVALID') ? error : justEnded(container, error);
  }
}

type Stdio = readonly (number | 'pipe' | 'ignore')[];

/**
 * On the host as root of a user namespace of the user's own, so that owners mean the same on both sides; what the host's root sends is read as by
 * itself, since that namespace has no power over files of root's own.
 */
async function start(
  name: 'send' | 'receive',
  request: unknown,
  place: CopyPlace,
  stdio: Stdio,
  prefix: readonly string[] = [],
): Promise<UsernsProcess> {
  const argument = JSON.stringify(request);
  if (place.kind !== 'running') {
    const [first = nodePath(), ...rest]: readonly string[] = [...prefix, nodePath(), programPath(name), argument];
    const staysCaller = name === 'send' && place.kind === 'host' && process.getuid?.() === 0;
    return spawnInUserns([first, ...rest], { stdio, staysCaller });
  }
  const { argv, node } = locateProgram(name);
  const holder = parentInSameUserns(place.pid) ?? null;
  const [program, ...words] = argv;
  return spawnInContainer(
    { pid: place.pid, holder, argv: [program, ...words, argument], protect: node, isRoot: process.getuid?.() === 0 },
    [...stdio],
  );
}

type Source = SendRequest['from'];

async function placeOf(
  store: Store,
  container: string | null,
): Promise<{ readonly from: Source; readonly ended?: EndedRoot }> {
  if (container === null) return { from: { kind: 'host' } };
  const record = findContainer(store, container);
  if (isBusy(currentState(store, record))) return { from: await placeOfRunning(store, container) };
  if (record.image.layers.length === 0) {
    const ended = await readEndedHost(store, record);
    return { from: { kind: 'mounted', root: ended.root }, ended };
  }
  const { upper, lower, isWholeCopy } = locateTree(store, record);
  return { from: { kind: 'stopped', directories: isWholeCopy ? [upper] : [upper, ...lower] } };
}

async function placeOfRunning(store: Store, container: string): Promise<Extract<CopyPlace, { kind: 'running' }>> {
  const { pid, startTime } = await findRunning(store, container);
  return { kind: 'running', pid, startTime };
}

interface Destination {
  readonly to: ReceiveRequest['to'];
  /** To be disposed of when all is copied. */
  readonly ended?: EndedRoot;
}

async function destinationOf(store: Store, container: string | null): Promise<Destination> {
  if (container === null) return { to: { kind: 'host' } };
  const record = findContainer(store, container);
  if (isBusy(currentState(store, record))) return { to: await placeOfRunning(store, container) };
  const ended = await enterEnded(store, record, 'write');
  return { to: { kind: 'mounted', root: ended.root }, ended };
}

function openStoreDirectory(store: Store): number {
  return openSync(store.root, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
}

async function answerOf(program: string, child: UsernsProcess['child'], exit: Promise<number>): Promise<Copied> {
  const messages: CopyMessage[] = [];
  const [, words, code] = await Promise.all([
    readMessages(child.stdio[3] as Readable, (message) => void messages.push(message as CopyMessage)),
    lastWords(child.stderr),
    exit,
  ]);
  const message = messages.at(-1);
  if (message?.event === 'copy_done') return message;
  if (message?.event === 'copy_failed') throw failureFrom(message.error);
  throw endedEarly(program, words, code);
}
