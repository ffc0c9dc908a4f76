/**
 * PROGRAM receive: puts the files of a tar archive from stdin among others and ends; the second half of `hutch cp`. Runs as root of the user
 * namespace: in the mount namespace of a running container, chrooted into the mounted root of one that does not run, or, on the host, into the
 * directory that files are copied to.
 */
import { writeSync } from 'node:fs';
import { createTarParser } from '../archive/tar/parser.ts';
import { errnoOf, HutchError } from '../errors/hutch-error.ts';
import { CLONE, CLOSE_RANGE_CLOEXEC, PR } from '../linux/flags.ts';
import type { CopyFailure, CopyMessage, CopyResultFd, ReceiveRequest } from '../protocol/copy.ts';
import { openFileCalls } from '../syscall/files.ts';
import { joinNamespacesOf } from '../syscall/join.ts';
import { openSyscalls, type Syscalls } from '../syscall/syscalls.ts';
import { COPY_LIMITS, createReceiver } from './receive-files.ts';
import { readLayer } from './layer-source.ts';

const INPUT_FD = 0;
const RESULT_FD: CopyResultFd = 3;

/**
 * It is ended by the end of what it reads, which comes with the end of the CLI: then there is time to take away a file that came by halves. A
 * signal that a terminal sends to all must not be earlier.
 */
function outliveSignals(syscalls: Syscalls): void {
  syscalls.prctl(PR.SET_PDEATHSIG, 0);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
}

function say(message: CopyMessage): void {
  writeSync(RESULT_FD, `${JSON.stringify(message)}\n`);
}

/** What a path or a disk refuses is the user's to mend; anything else but a HutchError is a bug. */
function failureOf(error: unknown, { path, to }: ReceiveRequest): CopyFailure {
  // What the writer of layers says of its store.
  if (error instanceof HutchError && error.code === 'STORE_UNWRITABLE')
    return { code: 'PATH_INVALID', message: error.message, hint: 'copy to a place that can be written', entry: null };
  if (error instanceof HutchError && error.code === 'STORAGE_FULL' && to.kind === 'host')
    return {
      code: error.code,
      message: error.message,
      hint: 'free some space there, or copy to another file system',
      entry: null,
    };
  if (error instanceof HutchError && error.context['errno'] === 'EBUSY')
    return {
      code: 'PATH_INVALID',
      message: error.message,
      hint: 'something is mounted there, which cannot be replaced: change it where it comes from, or in place by hutch exec',
      entry: null,
    };
  if (error instanceof HutchError)
    return { code: error.code, message: error.message, hint: error.hint ?? null, entry: null };
  const errno = errnoOf(error);
  if (errno === undefined || !/^E[A-Z0-9]+$/u.test(errno)) throw error;
  const hint = 'see that it can be written';
  return { code: 'PATH_INVALID', message: `cannot copy to ${path}: ${errno}`, hint, entry: null };
}

async function main(): Promise<void> {
  const syscalls = openSyscalls();
  outliveSignals(syscalls);
  syscalls.prctl(PR.SET_DUMPABLE, 0);
  syscalls.close_range(RESULT_FD + 1, 0xffff_ffff, CLOSE_RANGE_CLOEXEC);
  const calls = openFileCalls();
  const request = JSON.parse(process.argv[2] ?? '') as ReceiveRequest;
  try {
    const confine = (path: string): void => {
      syscalls.chroot(path);
      process.chdir('/');
    };
    if (request.to.kind === 'running') joinNamespacesOf(syscalls, request.to, CLONE.NEWNS);
    else if (request.to.kind === 'mounted') confine(request.to.root);
    process.umask(0);
    const receiver = createReceiver(request, calls, confine);
    using cleanup = new DisposableStack();
    cleanup.defer(() => receiver.abandon());
    const parser = createTarParser(receiver, COPY_LIMITS);
    await readLayer({
      fd: INPUT_FD,
      limits: COPY_LIMITS,
      digest: 'not asked for',
      take: (chunk) => parser.push(chunk),
      onProgress: () => undefined,
    });
    parser.finish();
    say({ event: 'copy_done', ...receiver.finish() });
  } catch (error) {
    say({ event: 'copy_failed', error: failureOf(error, request) });
  }
}

void main();
