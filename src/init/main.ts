/** PROGRAM init: PID 1 of the container until it executes the payload. Starts in the new user, mount and pid namespaces. */
import { readlinkSync, readSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { errnoOf } from '../errors/hutch-error.ts';
import { CLONE, CLOSE_RANGE_CLOEXEC, PR } from '../linux/flags.ts';
import { INIT_READS_FD, INIT_WRITES_FD, type InitMessage, type MonitorMessage } from '../protocol/messages.ts';
import { openSyscalls } from '../syscall/syscalls.ts';
import { interpret } from './interpreter.ts';

/** A monitor that is gone hears nothing, and is missed where it is listened to: the user of `exec` may leave before he was told that the payload runs. */
function say(message: InitMessage): void {
  try {
    writeSync(INIT_WRITES_FD, `${JSON.stringify(message)}\n`);
  } catch (error) {
    if (!['EPIPE', 'ECONNRESET'].includes(errnoOf(error) ?? '')) throw error;
  }
}

let unread = '';

/** The next message of the monitor; undefined when the monitor is gone. Blocks: there is nothing else to do meanwhile. */
function hear(): MonitorMessage | undefined {
  const buffer = Buffer.allocUnsafe(65_536);
  while (!unread.includes('\n')) {
    const count = readSync(INIT_READS_FD, buffer);
    if (count === 0) return undefined;
    unread += buffer.toString('utf8', 0, count);
  }
  const end = unread.indexOf('\n');
  const line = unread.slice(0, end);
  unread = unread.slice(end + 1);
  return JSON.parse(line) as MonitorMessage;
}

const syscalls = openSyscalls();
// Before anything else: other processes of the same user may not look into this one, and nothing inherited stays open.
const isForked = process.argv[2] === 'forked';
if (!isForked) syscalls.prctl(PR.SET_DUMPABLE, 0);
// Where no pid namespace takes everything along, the death of the holder still ends this process and what it becomes.
syscalls.prctl(PR.SET_PDEATHSIG, constants.signals.SIGKILL);
// What it makes in the root has the mode that the plan says, whatever the caller keeps from others. The payload's own mask is a step of its own.
process.umask(0);
syscalls.close_range(INIT_WRITES_FD + 1, 0xffff_ffff, CLOSE_RANGE_CLOEXEC);
say({ event: 'init_started', pid: Number(readlinkSync('/proc/self')) });
// While the monitor is still thinking. Exec has thought before.
if (syscalls.pollReadable([INIT_READS_FD], 0)[0] !== true) syscalls.bindAhead();
let first = hear();
const hasNetwork = first?.event === 'monitor_wants_network';
if (hasNetwork) {
  syscalls.unshare(CLONE.NEWNET);
  say({ event: 'init_has_network' });
  first = hear();
}
if (first?.event !== 'monitor_plan') process.exit(125);
process.exit(interpret(first.plan, { syscalls, say, hear, trace: first.trace, isForked, hasNetwork }));
