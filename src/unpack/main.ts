/**
 * PROGRAM unpack: applies one layer to an empty directory and ends. Runs as root of the user's user namespace, so that
 * it may give files to subordinate ids; chrooted, so that no archive reaches further than its own tree.
 */
import { writeSync } from 'node:fs';
import { HutchError } from '../errors/hutch-error.ts';
import type {
  LooseEnds,
  UnpackFailure,
  UnpackMessage,
  UnpackRequest,
  UnpackResultFd,
  UnpackTreeFd,
} from '../images/layer/unpack-protocol.ts';
import { CLOSE_RANGE_CLOEXEC, PR } from '../linux/flags.ts';
import { openSyscalls } from '../syscall/syscalls.ts';
import { applyLayer } from './apply-layer.ts';

const RESULT_FD: UnpackResultFd = 3;
const TREE_FD: UnpackTreeFd = 4;
const PROGRESS_MS = 100;
const LOOSE_AT_ONCE = 500;
const SIGKILL = 9;

function say(message: UnpackMessage): void {
  const line = Buffer.from(`${JSON.stringify(message)}\n`);
  for (let done = 0; done < line.length;) done += writeSync(RESULT_FD, line, done);
}

/** In parts: who reads looks for the end of each line. */
function sayLoose({ directories, links }: LooseEnds): void {
  for (let at = 0; at < Math.max(directories.length, links.length); at += LOOSE_AT_ONCE) {
    const end = at + LOOSE_AT_ONCE;
    say({ event: 'unpack_loose', loose: { directories: directories.slice(at, end), links: links.slice(at, end) } });
  }
}

function createProgress(): (sizeBytes: number) => void {
  let saidAt = Date.now();
  return (sizeBytes) => {
    const now = Date.now();
    if (now - saidAt < PROGRESS_MS) return;
    saidAt = now;
    say({ event: 'unpack_progress', sizeBytes });
  };
}

/** Anything but a HutchError is a bug: it goes to stderr with its stack, and the engine reports it as one. */
function failureOf(error: unknown): UnpackFailure {
  if (!(error instanceof HutchError)) throw error;
  const { entry } = error.context;
  return {
    code: error.code,
    message: error.message,
    hint: error.hint ?? null,
    entry: typeof entry === 'string' ? entry : null,
  };
}

async function main(): Promise<void> {
  const { prctl, close_range } = openSyscalls();
  prctl(PR.SET_PDEATHSIG, SIGKILL);
  prctl(PR.SET_DUMPABLE, 0);
  close_range(TREE_FD + 1, 0xffff_ffff, CLOSE_RANGE_CLOEXEC);
  const request = JSON.parse(process.argv[2] ?? '') as UnpackRequest;
  try {
    const { layer, loose } = await applyLayer({
      ...request,
      layerFd: 0,
      treeFd: TREE_FD,
      onProgress: createProgress(),
    });
    sayLoose(loose);
    say({ event: 'unpack_done', layer });
  } catch (error) {
    say({ event: 'unpack_failed', error: failureOf(error) });
  }
}

void main();
