/** Forking init off, before anything else is done: in the `run` program, on the host's side. */
import { closeSync, existsSync, openSync, readdirSync, readlinkSync, writeFileSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { findDirectories } from '../host/directories.ts';
import { loadProgram } from '../host/load-program.ts';
import { nodePath } from '../host/program-path.ts';
import { CLONE, FCNTL, MOUNT_ATTR, MS, O, OPEN_TREE, PR, AT } from '../linux/flags.ts';
import { idMapText, type UserNamespace } from '../linux/id-map.ts';
import { INIT_READS_FD, INIT_WRITES_FD } from '../protocol/messages.ts';
import { openFork } from '../syscall/fork.ts';
import { startTool } from '../syscall/start-tool.ts';
import { openSyscalls, type Syscalls } from '../syscall/syscalls.ts';
import { CHAIN_PATH } from '../userns/launch-chain.ts';
import { readGuess, type Guess, type HeadStart } from './head-start.ts';

/** One of the flags by which src/launcher.sh sees to it. */
const ALONE = '--no-concurrent-recompilation';
/** Longer than a thread of Node's needs to begin, on a machine that is busy. */
const QUIESCE_MS = 500;
/** Above all descriptors that have a meaning in init. */
const SPARE_FD = 10;

/**
 * Forks a holder, which forks an init, for what the last run had, and has its ids mapped; undefined where no run has told, or the host refuses. Nothing waits
 * for them: init does nothing before it gets a plan, and both end with this process.
 */
export function forkInit(): HeadStart | undefined {
  // Only the launcher starts it so that V8 leaves its other threads alone.
  if (process.getuid?.() === 0 || !process.execArgv.includes(ALONE)) return undefined;
  try {
    const guess = readGuess(findDirectories().run);
    return guess === undefined ? undefined : forkFor(guess);
  } catch {
    // What is wrong, with the host or with what the user has set, is found and told when the run comes to it.
    return undefined;
  }
}

function forkFor(guess: Guess): HeadStart | undefined {
  const [syscalls, fork] = [openSyscalls(), openFork()];
  const node = nodePath();
  if (!fork.quiesce(QUIESCE_MS)) return undefined;
  const [down, up] = [syscalls.pipe2(O.CLOEXEC), syscalls.pipe2(O.CLOEXEC)];
  const becomeHolder = (): void => {
    takeChannel(syscalls, { read: down[0], write: up[1] });
    try {
      protect(syscalls, node);
      syscalls.unshare(CLONE.NEWPID | (guess.hasTime ? CLONE.NEWTIME : 0));
      const child = fork.fork(0, becomeInit, tell);
      process.title = 'hutch-holder';
      closeSync(INIT_READS_FD);
      fork.hold(child);
    } catch (error) {
      tell(error);
    }
  };
  const holder = fork.fork(CLONE.NEWUSER | CLONE.NEWNS | CLONE.NEWPID, becomeHolder, tell);
  for (const fd of [down[0], up[1]]) closeSync(fd);
  const mappers = startMappers(holder, guess.userNamespace);
  return { ...guess, holder, mappers, toInit: down[1], fromInit: up[0], progress: { heard: [] } };
}

/**
 * Of what this process has inherited only the channel stays, where init looks for it; its words for failures go there as well. All else leads to nothing, and is not just closed:
 * when V8 has collected garbage it wakes Node's loop by a descriptor of eventfd(2), and libuv ends the process when it cannot write there.
 */
function takeChannel(syscalls: Syscalls, { read, write }: { readonly read: number; readonly write: number }): void {
  syscalls.prctl(PR.SET_PDEATHSIG, constants.signals.SIGKILL);
  syscalls.resetSignals();
  syscalls.setsid();
  const [down, up] = [read, write].map((fd) => syscalls.fcntl(fd, FCNTL.DUPFD_CLOEXEC, SPARE_FD)) as [number, number];
  const nothing = openSync('/dev/null', O.RDWR);
  const places = [nothing, nothing, up, down, up];
  if (places.some((_, place) => linkOf(`/proc/self/fd/${String(place)}`) === 'anon_inode:[eventfd]'))
    throw new Error('a descriptor of Node is where init looks for its channel');
  const others = readdirSync('/proc/self/fd')
    .map(Number)
    .filter((fd) => fd >= places.length);
  for (const [place, fd] of places.entries()) syscalls.dup2(fd, place);
  for (const fd of others) syscalls.dup2(0, fd);
  syscalls.close_range(Math.max(...others) + 1, 0xffff_ffff, 0);
}

/** Undefined where it is closed. */
function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** Lays a read-only mount of the interpreter over itself, so that nothing in the container can write to it. */
function protect(syscalls: Syscalls, node: string): void {
  syscalls.mount(null, '/', null, MS.REC | MS.PRIVATE, null);
  const tree = syscalls.open_tree(AT.FDCWD, node, OPEN_TREE.CLONE | OPEN_TREE.CLOEXEC);
  syscalls.mount_setattr(tree, { set: MOUNT_ATTR.RDONLY | MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV });
  const place = openSync(node, O.PATH | O.CLOEXEC);
  syscalls.move_mount(tree, place);
  for (const fd of [tree, place]) closeSync(fd);
}

function becomeInit(): void {
  process.title = 'hutch-init';
  process.argv.splice(2, process.argv.length, 'forked');
  loadProgram('init');
}

/** As the programs of a launch chain do when they fail. */
function tell(error: unknown): void {
  writeSync(INIT_WRITES_FD, `${error instanceof Error ? error.message : String(error)}\n`);
}

/** Starts what writes the maps of a process, or writes those of one id; undefined when they are refused. Source: user_namespaces(7). */
function startMappers(pid: number, { writer, uidMap, gidMap }: UserNamespace): number[] | undefined {
  try {
    if (writer === 'newuidmap') {
      return [['newuidmap', uidMap] as const, ['newgidmap', gidMap] as const].map(([tool, map]) =>
        startTool(pathOf(tool), [String(pid), ...idMapText(map).replaceAll('\n', ' ').split(' ')], {
          searchPath: CHAIN_PATH,
        }),
      );
    }
    writeFileSync(`/proc/${String(pid)}/setgroups`, 'deny');
    writeFileSync(`/proc/${String(pid)}/uid_map`, idMapText(uidMap));
    writeFileSync(`/proc/${String(pid)}/gid_map`, idMapText(gidMap));
    return [];
  } catch {
    return undefined;
  }
}

function pathOf(tool: string): string {
  const paths = CHAIN_PATH.split(':').map((directory) => `${directory}/${tool}`);
  return paths.find((path) => existsSync(path)) ?? tool;
}
