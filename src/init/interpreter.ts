/** How each kind of step is done: one function per kind, none of which looks at the spec. In init, as PID 1 of the container. */
import { openSync } from 'node:fs';
import { constants } from 'node:os';
import { CAPABILITY_NAMES, capabilityMask, capabilityNumber } from '../linux/capabilities.ts';
import { CLONE, MNT_DETACH, MOUNT_ATTR, MS, O, PR, RLIMIT } from '../linux/flags.ts';
import { applyTable, type NamespaceName, type Plan, type Step, type StepTable } from '../plan/step.ts';
import { SyscallError } from '../syscall/syscall-error.ts';
import { about, ask, awaitMonitor, awaitStdio, failureOf, rootOf, type Context, type Ears } from './context.ts';
import { bind, makeReadOnly, makeSymlink, mask, mountFileSystem, mountOverlay } from './mount-steps.ts';
import {
  changeDirectory,
  execute,
  knowsCapability,
  restrictByLandlock,
  sayExecutes,
  setOomScore,
  writeSysctl,
} from './process-steps.ts';
import { openRoot } from './root.ts';
import { joinNamespaces } from './join-steps.ts';
import { spawnPayload } from './spawn-payload.ts';
import { closeDescriptors, discardOutput, openPipes, openTerminal } from './stdio-steps.ts';

/** Runs the plan; returns (the exit code) only when a step failed, as the last step replaces this program. */
export function interpret(plan: Pick<Plan, 'steps'>, ears: Ears): number {
  const context: Context = {
    ...ears,
    root: undefined,
    emptyDirectory: undefined,
    nullDevice: undefined,
    stdioTaken: true,
    executed: undefined,
    last: undefined,
    monitorEnds: [],
    container: undefined,
    asked: 0,
  };
  for (const [index, step] of plan.steps.entries()) {
    const start = process.hrtime.bigint();
    if (step.kind === 'fork') return spawnPayload(context, plan, index);
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

/** The steps from `fork` on are not run here, but prepared for a child. */
function childOnly(step: Step): never {
  throw new Error(`${step.kind} is done by a child`);
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

const STEPS: StepTable<void, [Context]> = {
  set_undumpable: (_step, { syscalls }) => void syscalls.prctl(PR.SET_DUMPABLE, 0),
  setsid: (_step, { syscalls }) => void syscalls.setsid(),
  become_root: (step, { syscalls }) => {
    if (step.clearGroups) syscalls.setgroups([]);
    syscalls.setresgid(0);
    syscalls.setresuid(0);
  },
  unshare: (step, { syscalls, hasNetwork }) => {
    const names = step.namespaces.filter((name) => name !== 'network' || !hasNetwork);
    syscalls.unshare(names.reduce((flags, name) => flags | NAMESPACE_FLAG[name], 0));
  },
  join_namespaces: (step, context) => {
    const flags = step.namespaces.reduce((sum, name) => sum | NAMESPACE_FLAG[name], 0);
    about(`process ${String(step.pid)}`, () => {
      joinNamespaces(context, step, flags);
    });
  },
  fork: childOnly,
  join_time_namespace: childOnly,
  take_terminal: childOnly,
  make_slave: (_step, { syscalls }) => void syscalls.mount(null, '/', null, MS.REC | MS.SLAVE, null),
  wait_for: (step, context) => {
    ask(context, { what: step.what, helper: step.helper }, step);
  },
  publish_ports: (step, context) => {
    ask(context, { what: 'ports', helper: [] }, step);
  },
  limit_network: (step, context) => {
    ask(context, { what: 'rate', helper: [] }, step);
  },
  join_cgroup: (step, context) => {
    ask(context, { what: 'cgroup', helper: [] }, step);
  },
  unshare_cgroup: (_step, { syscalls }) => void syscalls.unshare(CLONE.NEWCGROUP),
  await_monitor: (_step, context) => {
    awaitMonitor(context);
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
    if (step.besides === 'none') discardOutput(context);
    else if (step.terminal) openTerminal(context, step);
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
  set_domainname: (step, { syscalls }) => {
    about(step.domainname, () => syscalls.setdomainname(step.domainname));
  },
  set_oom_score: (step) => {
    setOomScore(step);
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
      changeDirectory(context, step);
    });
  },

  bound_capabilities: (step, { syscalls }) => {
    syscalls.prctl(PR.CAP_AMBIENT, PR.CAP_AMBIENT_CLEAR_ALL);
    const keep = new Set(step.keep.map(capabilityNumber));
    for (const number of CAPABILITY_NAMES.keys()) {
      if (!keep.has(number) && knowsCapability(syscalls, number)) syscalls.prctl(PR.CAPBSET_DROP, number);
    }
  },
  set_user: (step, context) => {
    const { syscalls, isForked } = context;
    // A change of ids shuts the monitor out until the last call, so it must hold its ends by then.
    if (isForked && (step.uid !== 0 || step.gid !== 0)) awaitStdio(context);
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
      syscalls.prctl(PR.SET_DUMPABLE, isForked ? 1 : 0);
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
