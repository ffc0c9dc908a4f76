/**
 * PROGRAM make-seam: fits one layer to those below it, with a tree that goes between the layer and the ones above: directories that have no
 * entry of their own in the layer get what they have below, and hard links their target. Runs as root of the user's user namespace, chrooted
 * into the store.
 */
import { closeSync, readFileSync, writeSync } from 'node:fs';
import type { SeamMessage, SeamRequest, SeamResultFd, SeamStoreFd } from '../images/layer/seam-protocol.ts';
import type { LooseEnds } from '../images/layer/unpack-protocol.ts';
import { CLOSE_RANGE_CLOEXEC, PR } from '../linux/flags.ts';
import { openFileCalls } from '../syscall/files.ts';
import { openSyscalls } from '../syscall/syscalls.ts';
import { failureOf } from './failure.ts';
import { writeSeam } from './write-seam.ts';

const RESULT_FD: SeamResultFd = 3;
const STORE_FD: SeamStoreFd = 4;
const SIGKILL = 9;

function say(message: SeamMessage): void {
  writeSync(RESULT_FD, `${JSON.stringify(message)}\n`);
}

function main(): void {
  const { prctl, close_range, fchdir, chroot } = openSyscalls();
  prctl(PR.SET_PDEATHSIG, SIGKILL);
  prctl(PR.SET_DUMPABLE, 0);
  close_range(STORE_FD + 1, 0xffff_ffff, CLOSE_RANGE_CLOEXEC);
  const calls = openFileCalls();
  const request = JSON.parse(process.argv[2] ?? '') as SeamRequest;
  const loose = JSON.parse(readFileSync(0, 'utf8')) as LooseEnds;
  fchdir(STORE_FD);
  chroot('.');
  process.chdir('/');
  process.umask(0);
  closeSync(STORE_FD);
  try {
    writeSeam(request, loose, calls);
    say({ event: 'seam_done' });
  } catch (error) {
    say({ event: 'seam_failed', error: failureOf(error, 'the seam of a layer') });
  }
}

main();
