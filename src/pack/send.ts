/**
 * PROGRAM send: writes files as a tar archive to stdout and ends; the first half of `hutch cp`. Runs as root of the user namespace: in the mount
 * namespace of a running container, chrooted into the store, or into its mounted root, for a stopped one, or with the host's files. It loads nothing after that.
 */
import { closeSync, writeSync } from 'node:fs';
import { errnoOf, HutchError } from '../errors/hutch-error.ts';
import { CLONE, CLOSE_RANGE_CLOEXEC, PR } from '../linux/flags.ts';
import type { CopyFailure, CopyMessage, CopyResultFd, CopyStoreFd, SendRequest } from '../protocol/copy.ts';
import { openFileCalls } from '../syscall/files.ts';
import { joinNamespacesOf } from '../syscall/join.ts';
import { openSyscalls, type Syscalls } from '../syscall/syscalls.ts';
import { createArchiveOutput } from './archive-output.ts';
import { createByteOutput } from './byte-output.ts';
import { confineBelow } from './confined-path.ts';
import { sendFiles } from './send-files.ts';
import { sendMerged } from './send-merged.ts';

const OUTPUT_FD = 1;
const RESULT_FD: CopyResultFd = 3;
const STORE_FD: CopyStoreFd = 4;
const SIGKILL = 9;

function say(message: CopyMessage): void {
  writeSync(RESULT_FD, `${JSON.stringify(message)}\n`);
}

/** What a disk or the other end refuses is the user's to mend; anything else but a HutchError is a bug. */
function failureOf(error: unknown, path: string): CopyFailure {
  if (error instanceof HutchError)
    return { code: error.code, message: error.message, hint: error.hint ?? null, entry: null };
  const errno = errnoOf(error);
  if (errno === undefined || !/^E[A-Z0-9]+$/u.test(errno)) throw error;
  const { path: at = path } = error as { readonly path?: string | Buffer };
  const place = at.toString();
  const hint = 'see that it can be read: root of the container has no power over files of ids that the container lacks';
  return { code: 'PATH_INVALID', message: `cannot read ${place}: ${errno}`, hint, entry: null };
}

function enter(syscalls: Syscalls, { from }: SendRequest): void {
  if (from.kind === 'running') joinNamespacesOf(syscalls, from, CLONE.NEWNS);
  if (from.kind === 'mounted') {
    syscalls.chroot(from.root);
    process.chdir('/');
  }
  if (from.kind !== 'stopped') return;
  syscalls.fchdir(STORE_FD);
  syscalls.chroot('.');
  process.chdir('/');
  closeSync(STORE_FD);
}

function main(): void {
  const syscalls = openSyscalls();
  syscalls.prctl(PR.SET_PDEATHSIG, SIGKILL);
  syscalls.prctl(PR.SET_DUMPABLE, 0);
  syscalls.close_range(STORE_FD + 1, 0xffff_ffff, CLOSE_RANGE_CLOEXEC);
  const calls = openFileCalls();
  const request = JSON.parse(process.argv[2] ?? '') as SendRequest;
  try {
    enter(syscalls, request);
    const [top] = request.from.kind === 'stopped' ? request.from.directories : [];
    // It may be started meanwhile.
    if (top !== undefined) confineBelow(top, syscalls);
    const archive = createArchiveOutput(createByteOutput(OUTPUT_FD), calls, {
      hasKeptOwners: false,
      isLive: request.from.kind === 'running',
    });
    const { from } = request;
    const counts =
      from.kind === 'stopped'
        ? sendMerged({ ...request, directories: from.directories }, archive, calls)
        : sendFiles(request, archive, syscalls);
    archive.finish();
    say({ event: 'copy_done', ...counts, squashedIds: 0 });
  } catch (error) {
    say({ event: 'copy_failed', error: failureOf(error, request.path) });
  }
}

main();
