/**
 * PROGRAM pack: reads what a container has written and ends. Runs as root of the user's user namespace, so that it may read files of
 * subordinate ids and sees ids as the container does; chrooted into the store, so that a link leads nowhere else.
 */
import { closeSync, writeSync } from 'node:fs';
import { errnoOf, HutchError } from '../errors/hutch-error.ts';
import type { PackMessage, PackRequest, PackResultFd, PackStoreFd } from '../images/layer/pack-protocol.ts';
import type { UnpackFailure } from '../images/layer/unpack-protocol.ts';
import { CLOSE_RANGE_CLOEXEC, PR } from '../linux/flags.ts';
import { openFileCalls } from '../syscall/files.ts';
import { openSyscalls } from '../syscall/syscalls.ts';
import { createByteOutput } from './byte-output.ts';
import { packTree } from './pack-tree.ts';

const OUTPUT_FD = 1;
const RESULT_FD: PackResultFd = 3;
const STORE_FD: PackStoreFd = 4;
const SIGKILL = 9;

function say(message: PackMessage): void {
  writeSync(RESULT_FD, `${JSON.stringify(message)}\n`);
}

/** What the disk or the reader refuses is the user's to mend; anything else but a HutchError is a bug. */
function failureOf(error: unknown): UnpackFailure {
  if (error instanceof HutchError)
    return { code: error.code, message: error.message, hint: error.hint ?? null, entry: null };
  const errno = errnoOf(error) ?? '';
  if (!['ENOSPC', 'EDQUOT', 'EPIPE', 'EIO'].includes(errno)) throw error;
  const isFull = errno === 'ENOSPC' || errno === 'EDQUOT';
  return {
    code: isFull ? 'STORAGE_FULL' : 'STORE_UNWRITABLE',
    message: `cannot write the archive: ${errno}`,
    hint: isFull ? 'free some space, or write to another file system' : 'see whether the reader went away',
    entry: null,
  };
}

function main(): void {
  const { prctl, close_range, fchdir, chroot } = openSyscalls();
  prctl(PR.SET_PDEATHSIG, SIGKILL);
  prctl(PR.SET_DUMPABLE, 0);
  close_range(STORE_FD + 1, 0xffff_ffff, CLOSE_RANGE_CLOEXEC);
  const calls = openFileCalls();
  const request = JSON.parse(process.argv[2] ?? '') as PackRequest;
  fchdir(STORE_FD);
  chroot('.');
  process.chdir('/');
  closeSync(STORE_FD);
  try {
    say({ event: 'pack_done', packed: packTree(request, createByteOutput(OUTPUT_FD), calls) });
  } catch (error) {
    say({ event: 'pack_failed', error: failureOf(error) });
  }
}

main();
