/** How each kind of step is done: one function per kind, none of which looks at the spec. In init, as PID 1 of the container. */
import { closeSync, fstatSync, openSync, readlinkSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { CAPABILITY_NAMES, capabilityMask, capabilityNumber } from '../linux/capabilities.ts';
import {
  CLONE,
  CLOSE_RANGE_CLOEXEC,
  FCNTL,
  IOCTL,
  LANDLOCK,
  MNT_DETACH,
  MOUNT_ATTR,
  MS,
  O,
  PR,
  RLIMIT,
} from '../linux/flags.ts';
import {
  applyTable,
  type MountAttribute,
  type NamespaceName,
  type Plan,
  type Step,
  type StepTable,
} from '../plan/step.ts';
import {
  INIT_READS_FD,
  INIT_WRITES_FD,
  type InitMessage,
  type MonitorMessage,
  type StepFailure,
} from '../protocol/messages.ts';
import { SyscallError, errnoName } from '../syscall/syscall-error.ts';
import type { Syscalls } from '../syscall/syscalls.ts';
import { cloneTree, isDirectory, openRoot, type Root } from './root.ts';

/** makedev(1, 3). */
const NULL_DEVICE = 0x103;
const ERRNO = constants.errno;

export interface Ears {
  readonly syscalls: Syscalls;
  readonly say: (message: InitMessage) => void;
  readonly hear: () => MonitorMessage | undefined;
  readonly trace: boolean;
}

/** What steps hand on to later steps; descriptors never leave this process. */
interface Context extends Ears {
  root: Root | undefined;
  emptyDirectory: number | undefined;
  nullDevice: number | undefined;
  stdioTaken: boolean;
  last: ReturnType<Syscalls['prepareLastCalls']> | undefined;
  /** Set when the filter is on: from then on only `last` may be called. */
  failure: StepFailure | undefined;
}

/** Thrown by a step that knows more than the system call's name: what the call was about. */
class StepError extends Error {
  readonly failure: Omit<StepFailure, 'index'>;
  constructor(failure: Omit<StepFailure, 'index'>) {
    super(failure.detail);
    this.failure = failure;
  }
}

/** Runs the plan; returns (the exit code) only when a step failed, as the last step replaces this program. */
export function interpret(plan: Plan, ears: Ears): number {
  const context: Context = {
    ...ears,
    root: undefined,
    emptyDirectory: undefined,
    nullDevice: undefined,
    stdioTaken: true,
    last: undefined,
    failure: undefined,
  };
  for (const [index, step] of plan.steps.entries()) {
    const start = process.hrtime.bigint();
    try {
      applyTable(STEPS, step, context);
    } catch (error) {
      ears.say({ event: 'init_failed', failure: { index, ...failureOf(error) } });
      return 125;
    }
    if (ears.trace && context.last === undefined) {
      ears.say({ event: 'init_step', index, microseconds: Number((process.hrtime.bigint() - start) / 1000n) });
    }
  }
  return 125;
}

function failureOf(error: unknown): Omit<StepFailure, 'index'> {
  if (error instanceof StepError) return error.failure;
  if (error instanceof SyscallError) return { syscall: error.syscall, errno: error.code, detail: '' };
  const node = error as NodeJS.ErrnoException;
  const isSystemError = node.syscall !== undefined;
  return {
    syscall: node.syscall ?? 'hutch',
    errno: node.code ?? 'EINVAL',
    detail: node.path ?? (isSystemError ? '' : node.message),
  };
}

/** Does `work`; a failing system call is reported together with what it was about. */
function about<T>(detail: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof StepError) throw error;
    const failure = failureOf(error);
    throw new StepError({ ...failure, detail: failure.detail === '' ? detail : failure.detail });
  }
}

function rootOf(context: Context): Root {
  if (context.root === undefined) throw new Error('no step has opened the root');
  return context.root;
}

const NAMESPACE_FLAG: Readonly<Record<NamespaceName, number>> = {
  user: CLONE.NEWUSER,
  pid: CLONE.NEWPID,
  mount: CLONE.NEWNS,
  uts: CLONE.NEWUTS,
  ipc: CLONE.NEWIPC,
  network: CLONE.NEWNET,
  cgroup: CLONE.NEWCGROUP,
  time: CLONE.NEWTIME,
};

const ATTRIBUTE_FLAG: Readonly<Record<MountAttribute, number>> = {
  ro: MOUNT_ATTR.RDONLY,
  nosuid: MOUNT_ATTR.NOSUID,
  nodev: MOUNT_ATTR.NODEV,
  noexec: MOUNT_ATTR.NOEXEC,
  noatime: MOUNT_ATTR.NOATIME,
};

function attributeFlags(attributes: readonly MountAttribute[]): number {
  return attributes.reduce((flags, attribute) => flags | ATTRIBUTE_FLAG[attribute], 0);
}

const STEPS: StepTable<void, [Context]> = {
  set_undumpable: (_step, { syscalls }) => void syscalls.prctl(PR.SET_DUMPABLE, 0),
  setsid: (_step, { syscalls }) => void syscalls.setsid(),
  become_root: (step, { syscalls }) => {
    if (step.clearGroups) syscalls.setgroups([]);
    syscalls.setresgid(0);
    syscalls.setresuid(0);
  },
  unshare: (step, { syscalls }) => {
    syscalls.unshare(step.namespaces.reduce((flags, name) => flags | NAMESPACE_FLAG[name], 0));
  },
  make_slave: (_step, { syscalls }) => void syscalls.mount(null, '/', null, MS.REC | MS.SLAVE, null),
  wait_for: (step, context) => {
    context.say({ event: 'init_waits', what: step.what, helper: step.helper });
    await_(context, 'monitor_done');
  },

  mount_overlay: (step, context) => {
    about(step.at, () => mountOverlay(context, step, step.at));
  },
  bind_root: (step, { syscalls }) => {
    about(step.source, () => syscalls.mount(step.source, step.at, null, MS.BIND | MS.REC, null));
  },
  open_root: (step, context) => {
    about(step.at, () => {
      context.root = openRoot(context.syscalls, openSync(step.at, O.PATH | O.DIRECTORY | O.CLOEXEC));
    });
  },
  overlay_host_directory: (step, context) => {
    about(step.target, () => {
      const target = rootOf(context).openOrMake(step.target, 'directory');
      mountOverlay(context, { ...step, lower: [step.lower] }, `/proc/self/fd/${String(target)}`);
      context.syscalls.close(target);
    });
  },
  make_directory: (step, context) => {
    about(step.target, () => context.syscalls.close(rootOf(context).openOrMake(step.target, 'directory', step.mode)));
  },
  make_symlink: (step, context) => {
    about(step.target, () => {
      makeSymlink(context, step);
    });
  },
  mount: (step, context) => {
    about(step.target, () => {
      mountFileSystem(context, step);
    });
  },
  bind: (step, context) => {
    bind(context, step);
  },
  mask: (step, context) => {
    about(step.target, () => {
      mask(context, step.target);
    });
  },
  make_read_only: (step, context) => {
    about(step.target, () => {
      makeReadOnly(context, step.target);
    });
  },
  make_root_read_only: (step, context) => {
    const { syscalls } = context;
    const { fd } = rootOf(context);
    const mount = step.target === undefined ? fd : rootOf(context).open(step.target);
    syscalls.mount_setattr(mount, { set: MOUNT_ATTR.RDONLY });
    if (mount !== fd) syscalls.close(mount);
  },
  stdio: (step, context) => {
    if (step.terminal) openTerminal(context, step);
    else openPipes(context, step);
  },
  pivot_root: (_step, context) => {
    const { syscalls } = context;
    syscalls.fchdir(rootOf(context).fd);
    syscalls.pivot_root('.', '.');
    syscalls.umount2('.', MNT_DETACH);
    process.chdir('/');
  },

  set_hostname: (step, { syscalls }) => {
    about(step.hostname, () => syscalls.sethostname(step.hostname));
  },
  loopback_up: (_step, { syscalls }) => {
    syscalls.linkUp('lo');
  },
  sysctl: (step, context) => {
    writeSysctl(context, step);
  },
  join_keyring: (step, { syscalls }) => {
    try {
      syscalls.keyctlJoin(step.name);
    } catch (error) {
      // Where the payload may not use keyctl(2) anyway, a kernel without keyrings or a full quota is no hole.
      if (step.required || !(error instanceof SyscallError)) throw error;
    }
  },
  set_rlimit: (step, { syscalls }) => {
    const resource = RLIMIT[step.resource as keyof typeof RLIMIT];
    about(step.resource, () => syscalls.setrlimit(resource, step.soft, step.hard));
  },
  change_directory: (step, context) => {
    about(step.target, () => {
      changeDirectory(context, step.target);
    });
  },

  bound_capabilities: (step, { syscalls }) => {
    syscalls.prctl(PR.CAP_AMBIENT, PR.CAP_AMBIENT_CLEAR_ALL);
    const keep = new Set(step.keep.map(capabilityNumber));
    for (const number of CAPABILITY_NAMES.keys()) {
      if (!keep.has(number) && knowsCapability(syscalls, number)) syscalls.prctl(PR.CAPBSET_DROP, number);
    }
  },
  set_user: (step, { syscalls }) => {
    about(`${String(step.uid)}:${String(step.gid)}`, () => {
      // The bits survive the change of uid only with this; set_capabilities decides what stays.
      syscalls.prctl(PR.SET_KEEPCAPS, 1);
      if (step.setGroups) syscalls.setgroups(step.groups);
      syscalls.setresgid(step.gid);
      syscalls.setresuid(step.uid);
      // A change of uid clears it.
      syscalls.prctl(PR.SET_PDEATHSIG, constants.signals.SIGKILL);
      const permitted = syscalls.permittedCapabilities();
      syscalls.capset(permitted, permitted, 0n);
      syscalls.prctl(PR.SET_DUMPABLE, 0);
    });
  },
  set_capabilities: (step, { syscalls }) => {
    syscalls.capset(capabilityMask(step.effective), capabilityMask(step.permitted), capabilityMask(step.inheritable));
    for (const name of step.ambient) syscalls.prctl(PR.CAP_AMBIENT, PR.CAP_AMBIENT_RAISE, capabilityNumber(name));
  },
  no_new_privileges: (_step, { syscalls }) => void syscalls.prctl(PR.SET_NO_NEW_PRIVS, 1),
  set_umask: (step) => void process.umask(step.mask),
  reset_signals: (_step, { syscalls }) => void syscalls.resetSignals(),
  close_descriptors: (_step, context) => {
    closeDescriptors(context);
  },
  landlock: (step, context) => {
    restrictByLandlock(context, step);
  },
  seccomp: (step, context) => {
    const program = Buffer.from(step.program, 'base64');
    context.last = context.syscalls.prepareLastCalls();
    sayExecutes(context);
    context.syscalls.seccomp(program);
  },
  execve: (step, context) => {
    execute(context, step);
  },
};

function await_(context: Context, event: MonitorMessage['event']): void {
  const message = context.hear();
  if (message?.event !== event)
    throw new StepError({ syscall: 'read', errno: 'EPIPE', detail: `the monitor ended before it said ${event}` });
}

function mountOverlay(
  { syscalls }: Context,
  step: { from: string; lower: readonly string[]; upper: string; work: string; options: readonly string[] },
  at: string,
): void {
  // Relative paths keep /proc/self/mountinfo of the container free of the host's.
  process.chdir(step.from);
  const data = [
    `lowerdir=${step.lower.map(escapeOverlayPath).join(':')}`,
    `upperdir=${escapeOverlayPath(step.upper)}`,
    `workdir=${escapeOverlayPath(step.work)}`,
    ...step.options,
  ];
  syscalls.mount('overlay', at, 'overlay', 0, data.join(','));
}

/** Colons and commas part the options of overlayfs; a backslash takes their meaning away. */
function escapeOverlayPath(path: string): string {
  return path.replace(/[\\:,]/gu, '\\$&');
}

function makeSymlink(context: Context, step: Step<'make_symlink'>): void {
  const slash = step.target.lastIndexOf('/');
  const parent = rootOf(context).openOrMake(step.target.slice(0, slash) || '/', 'directory');
  try {
    context.syscalls.symlinkat(step.to, parent, step.target.slice(slash + 1));
  } catch (error) {
    if (!(error instanceof SyscallError) || error.code !== 'EEXIST') throw error;
  } finally {
    context.syscalls.close(parent);
  }
}

function mountFileSystem(context: Context, step: Step<'mount'>): void {
  const { syscalls } = context;
  const target = rootOf(context).openOrMake(step.target, 'directory');
  const tree = newFileSystem(syscalls, step);
  syscalls.move_mount(tree, target);
  syscalls.close(tree);
  syscalls.close(target);
}

function newFileSystem(
  syscalls: Syscalls,
  step: { type: string; options: Readonly<Record<string, string | null>>; attributes: readonly MountAttribute[] },
): number {
  const context = syscalls.fsopen(step.type);
  // What /proc/self/mountinfo names as the source.
  syscalls.fsconfig(context, 'source', step.type);
  for (const [key, value] of Object.entries(step.options)) syscalls.fsconfig(context, key, value);
  syscalls.fsconfigCreate(context);
  const tree = syscalls.fsmount(context, attributeFlags(step.attributes));
  syscalls.close(context);
  return tree;
}

function bind(context: Context, step: Step<'bind'>): void {
  const { syscalls } = context;
  const tree = about(step.source, () => {
    const source = openSync(step.source, O.PATH | O.CLOEXEC);
    const clone = cloneTree(syscalls, source, step.recursive);
    closeSync(source);
    return clone;
  });
  about(step.target, () => {
    const change = { set: attributeFlags(step.attributes), propagation: MS.PRIVATE, recursive: step.recursive };
    syscalls.mount_setattr(tree, change);
    const target = rootOf(context).openOrMake(step.target, isDirectory(tree) ? 'directory' : 'file');
    syscalls.move_mount(tree, target);
    syscalls.close(target);
  });
  syscalls.close(tree);
}

function mask(context: Context, path: string): void {
  const { syscalls } = context;
  const target = rootOf(context).openIfThere(path);
  if (target === undefined) return;
  const cover = isDirectory(target) ? emptyDirectory(context) : nullDevice(context);
  const tree = cloneTree(syscalls, cover, false);
  syscalls.move_mount(tree, target);
  syscalls.close(tree);
  syscalls.close(target);
}

function emptyDirectory(context: Context): number {
  context.emptyDirectory ??= newFileSystem(context.syscalls, {
    type: 'tmpfs',
    options: { mode: '755', nr_inodes: '1' },
    attributes: ['ro', 'nosuid', 'nodev', 'noexec'],
  });
  return context.emptyDirectory;
}

/** The host's /dev/null, proved to be that device: a plain file would be a cover that can be written. */
function nullDevice(context: Context): number {
  if (context.nullDevice === undefined) {
    const fd = openSync('/dev/null', O.PATH | O.CLOEXEC);
    if (fstatSync(fd).rdev !== NULL_DEVICE)
      throw new StepError({ syscall: 'open', errno: 'ENODEV', detail: '/dev/null of the host' });
    context.nullDevice = fd;
  }
  return context.nullDevice;
}

function makeReadOnly(context: Context, path: string): void {
  const { syscalls } = context;
  const target = rootOf(context).openIfThere(path);
  if (target === undefined) return;
  const tree = cloneTree(syscalls, target, true);
  syscalls.mount_setattr(tree, { set: MOUNT_ATTR.RDONLY, recursive: true });
  syscalls.move_mount(tree, target);
  syscalls.close(tree);
  syscalls.close(target);
}

function openPipes(context: Context, step: Step<'stdio'>): void {
  const { syscalls } = context;
  const [outRead, outWrite] = syscalls.pipe2(O.CLOEXEC);
  const [errRead, errWrite] = syscalls.pipe2(O.CLOEXEC);
  const input = step.stdin ? syscalls.pipe2(O.CLOEXEC) : undefined;
  const stdin = input?.[0] ?? openSync('/dev/null', O.RDONLY | O.CLOEXEC);
  // The payload may open /dev/stdout again, so the pipes must belong to its user.
  for (const fd of [outWrite, errWrite, ...(input ?? [])]) syscalls.fchown(fd, step.uid, step.gid);
  [stdin, outWrite, errWrite].forEach((fd, index) => {
    syscalls.dup2(fd, index);
    syscalls.close(fd);
  });
  context.stdioTaken = false;
  context.say({ event: 'init_stdio', stdin: input?.[1] ?? null, stdout: outRead, stderr: errRead });
}

function openTerminal(context: Context, step: Step<'stdio'>): void {
  const { syscalls } = context;
  const root = rootOf(context);
  const master = root.open('/dev/pts/ptmx', O.RDWR | O.NOCTTY);
  syscalls.ioctlBuffer(master, IOCTL.TIOCSPTLCK, Buffer.alloc(4));
  const slave = syscalls.ioctlNumber(master, IOCTL.TIOCGPTPEER, O.RDWR | O.NOCTTY | O.CLOEXEC);
  syscalls.fchown(slave, step.uid, 0xffff_ffff);
  syscalls.ioctlNumber(slave, IOCTL.TIOCSCTTY, 0);
  const console = root.openOrMake('/dev/console', 'file');
  const tree = cloneTree(syscalls, slave, false);
  syscalls.move_mount(tree, console);
  for (const fd of [0, 1, 2]) syscalls.dup2(slave, fd);
  for (const fd of [slave, console, tree]) syscalls.close(fd);
  context.stdioTaken = false;
  context.say({ event: 'init_stdio', terminal: master });
}

/** A descriptor below the container's /proc, without any link on the way and never another file system. */
function openProc(context: Context, path: string, flags: number): number {
  return rootOf(context).open(`/proc/${path}`, flags);
}

function writeProc(context: Context, path: string, value: string): void {
  about(`/proc/${path}`, () => {
    const fd = openProc(context, path, O.WRONLY);
    try {
      writeSync(fd, value);
    } finally {
      closeSync(fd);
    }
  });
}

function writeSysctl(context: Context, step: Step<'sysctl'>): void {
  const path = step.name.includes('/') ? step.name : step.name.replaceAll('.', '/');
  try {
    writeProc(context, `sys/${path}`, step.value);
  } catch (error) {
    if (!step.optional) throw error;
  }
}

function changeDirectory(context: Context, path: string): void {
  const { syscalls } = context;
  const fd = rootOf(context).openOrMake(path, 'directory');
  syscalls.fchdir(fd);
  syscalls.close(fd);
  // CVE-2024-21626: a directory outside the root would show as "(unreachable)".
  if (!readlinkSync('/proc/self/cwd').startsWith('/')) {
    throw new StepError({ syscall: 'fchdir', errno: 'EXDEV', detail: `${path} lies outside the container` });
  }
}

function knowsCapability(syscalls: Syscalls, number: number): boolean {
  try {
    syscalls.prctl(PR.CAPBSET_READ, number);
    return true;
  } catch {
    return false;
  }
}

function closeDescriptors(context: Context): void {
  const { syscalls } = context;
  if (!context.stdioTaken) await_(context, 'monitor_took_stdio');
  for (const fd of [0, 1, 2]) syscalls.fcntl(fd, FCNTL.SETFD, 0);
  syscalls.fcntl(INIT_READS_FD, FCNTL.SETFD, FCNTL.FD_CLOEXEC);
  syscalls.fcntl(INIT_WRITES_FD, FCNTL.SETFD, FCNTL.FD_CLOEXEC);
  syscalls.close_range(3, 0xffff_ffff, CLOSE_RANGE_CLOEXEC);
}

function restrictByLandlock(context: Context, step: Step<'landlock'>): void {
  const { syscalls } = context;
  const abi = syscalls.landlockAbi();
  if (abi === 0) return;
  const known = LANDLOCK.FS_RIGHTS_BY_ABI;
  const rights = known[Math.min(abi, known.length) - 1] ?? 0;
  const scoped = step.scopeAbstractSockets && abi >= LANDLOCK.SCOPE_ABI ? LANDLOCK.SCOPE_ABSTRACT_UNIX_SOCKET : 0;
  const ruleset = syscalls.landlock_create_ruleset(rights, scoped);
  const slash = openSync('/', O.PATH | O.CLOEXEC);
  syscalls.landlock_add_rule(ruleset, rights, slash);
  syscalls.landlock_restrict_self(ruleset);
}

function sayExecutes(context: Context): void {
  context.say({ event: 'init_executes' });
}

/** Tries each directory of PATH as execvp(3) does; on failure says why by write(2) alone and ends. */
function execute(context: Context, step: Step<'execve'>): never {
  if (context.last === undefined) {
    context.last = context.syscalls.prepareLastCalls();
    sayExecutes(context);
  }
  const { last } = context;
  const command = step.argv[0] ?? '';
  let errno: number = ERRNO.ENOENT;
  for (const path of candidatePaths(command, step.env)) {
    const failed = last.execve(path, step.argv, step.env);
    // execvp(3): a file that may not be executed is remembered, the search goes on.
    if (failed !== ERRNO.ENOENT && failed !== ERRNO.ENOTDIR) errno = failed;
    if (failed !== ERRNO.ENOENT && failed !== ERRNO.ENOTDIR && failed !== ERRNO.EACCES) break;
  }
  const message: InitMessage = {
    event: 'init_failed',
    failure: { index: -1, syscall: 'execve', errno: errnoName(errno), detail: command },
  };
  last.write(INIT_WRITES_FD, Buffer.from(`${JSON.stringify(message)}\n`));
  return last.exit(errno === ERRNO.ENOENT ? 127 : 126);
}

function candidatePaths(command: string, env: readonly string[]): string[] {
  if (command.includes('/')) return [command];
  const path =
    env.find((entry) => entry.startsWith('PATH='))?.slice('PATH='.length) ??
    '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  return path.split(':').map((directory) => `${directory === '' ? '.' : directory}/${command}`);
}
