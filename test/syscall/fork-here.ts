/**
 * PROGRAM for fork.test.ts, started with one thread of V8's that has nothing to do: forks and holds as its argument says, and prints what came of it
 * as JSON.
 */
import { readFileSync, readlinkSync, readSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { PR } from '../../src/linux/flags.ts';
import { openFork } from '../../src/syscall/fork.ts';
import { openSyscalls } from '../../src/syscall/syscalls.ts';

const [, , wish = '', word = ''] = process.argv;
const [fork, syscalls] = [openFork(), openSyscalls()];
if (!fork.quiesce(5000)) throw new Error('a thread does not come to rest');
const words: string[] = [];
const [read, write] = syscalls.pipe2(0);
const tell = (error: unknown): void => void writeSync(write, String(error));

/** A child that ends with `code`, or by a signal, and has worked with memory that its parent made before and after it was read. */
function payload(): void {
  const big = Array.from({ length: 20_000 }, (_, index) => `${word}${String(index)}`);
  writeSync(write, `${String(big.length)} ${process.argv[2] ?? ''}`);
  // process.pid is what Node has read when it booted.
  if (word.startsWith('signal')) process.kill(Number(readlinkSync('/proc/self')), Number(word.slice(6)));
  fork.exit(Number(word));
}

/** A child that waits, and ends with the holder. */
function rest(): void {
  syscalls.prctl(PR.SET_PDEATHSIG, constants.signals.SIGKILL);
  syscalls.pollReadable([syscalls.pipe2(0)[0]], 60_000);
}

/** A holder of a child that does `work`. */
function held(work: () => void): number {
  const become = (): void => {
    const child = fork.fork(0, work, tell);
    process.title = 'hutch-test-holder';
    fork.hold(child);
  };
  return fork.fork(0, become, tell);
}

function start(): number {
  switch (wish) {
    case 'fork':
      return fork.fork(0, payload, tell);
    case 'throw':
      return fork.fork(
        0,
        () => {
          throw new Error('it went wrong');
        },
        tell,
      );
    case 'hold':
      return held(payload);
    case 'rest':
      return held(rest);
    default:
      // A pid namespace without a user namespace, by an ordinary user.
      return fork.fork(0x2000_0000, payload, tell);
  }
}

const child = start();
if (wish === 'rest') {
  const seen = await untilHeld(child);
  words.push(JSON.stringify(seen));
  process.kill(child, 'SIGKILL');
}
const code = syscalls.waitpid(child);
if (syscalls.pollReadable([read], 0)[0] === true) {
  const buffer = Buffer.alloc(4096);
  words.push(buffer.toString('utf8', 0, readSync(read, buffer)));
}
process.stdout.write(JSON.stringify({ code, words }));

/** What /proc says of the holder when it has given its memory back. */
async function untilHeld(pid: number): Promise<{ command: string; residentKib: number }> {
  for (let round = 0; round < 500; round += 1) {
    const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
    const residentKib = Number(/^VmRSS:\s+(\d+)/mu.exec(status)?.[1]);
    const command = readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8')
      .replaceAll('\0', ' ')
      .trim();
    if (residentKib < 4096) return { command, residentKib };
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('it keeps its memory');
}
