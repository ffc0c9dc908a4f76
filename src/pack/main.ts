/**
 * PROGRAM pack: reads what a container has written and ends. Runs as root of the user's user namespace, so that it may read files of
 * subordinate ids and sees ids as the container does; chrooted into the store, so that a link leads nowhere else. With a container of the image
 * `host` it is not chrooted, as the host's own directories are the layers; what such a container has written is reached without links all the same.
 */
import { closeSync, writeSync } from 'node:fs';
import type { PackMessage, PackRequest, PackResultFd, PackStoreFd } from '../images/layer/pack-protocol.ts';
import { CLOSE_RANGE_CLOEXEC, PR } from '../linux/flags.ts';
import { openFileCalls } from '../syscall/files.ts';
import { openSyscalls } from '../syscall/syscalls.ts';
import { createByteOutput } from './byte-output.ts';
import { confineBelow } from './confined-path.ts';
import { failureOf } from './failure.ts';
import { packTree } from './pack-tree.ts';

const OUTPUT_FD = 1;
const RESULT_FD: PackResultFd = 3;
const STORE_FD: PackStoreFd = 4;
const SIGKILL = 9;

function say(message: PackMessage): void {
  writeSync(RESULT_FD, `${JSON.stringify(message)}\n`);
}

function main(): void {
  const syscalls = openSyscalls();
  const { prctl, close_range, fchdir, chroot } = syscalls;
  prctl(PR.SET_PDEATHSIG, SIGKILL);
  prctl(PR.SET_DUMPABLE, 0);
  close_range(STORE_FD + 1, 0xffff_ffff, CLOSE_RANGE_CLOEXEC);
  const calls = openFileCalls();
  const request = JSON.parse(process.argv[2] ?? '') as PackRequest;
  fchdir(STORE_FD);
  closeSync(STORE_FD);
  try {
    if (request.directory === undefined) {
      chroot('.');
      process.chdir('/');
    }
    confineBelow(request.directory ?? request.upper, syscalls);
    say({ event: 'pack_done', packed: packTree(request, createByteOutput(OUTPUT_FD), calls) });
  } catch (error) {
    say({ event: 'pack_failed', error: failureOf(error, 'the archive') });
  }
}

main();
