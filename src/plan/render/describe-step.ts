/** What a step does, in the kernel's terms and on one line; pure. Used by the explanation, by errors and by `--trace`. */
import { portText } from '../../oci/published-port.ts';
import { helperName } from '../name-of-program.ts';
import { INGRESS_DEVICE, rateText } from '../network-rate.ts';
import {
  applyTable,
  type Meanwhile,
  type MountAttribute,
  type NamespaceName,
  type Step,
  type StepTable,
} from '../step.ts';

/** The step as a system call (or the few that make it up) with its arguments; line feeds and the like are escaped. */
export function describeStep(step: Step): string {
  return applyTable(DESCRIPTIONS, step);
}

const DESCRIPTIONS: StepTable<string> = {
  set_undumpable: () => 'prctl(PR_SET_DUMPABLE, 0)',
  setsid: () => 'setsid()',
  unshare_cgroup: () => 'unshare(CLONE_NEWCGROUP)',
  become_root: (step) => `${step.clearGroups ? 'setgroups([]), ' : ''}setresgid(0, 0, 0), setresuid(0, 0, 0)`,
  unshare: (step) => `unshare(${step.namespaces.map((name) => CLONE_FLAG[name]).join(' | ')})`,
  join_namespaces: (step) =>
    `pidfd_open(${String(step.pid)}), unshare(CLONE_FS), setns(${step.namespaces.map((name) => CLONE_FLAG[name]).join(' | ')})`,
  fork: (step) => `clone(CLONE_VFORK)${step.attached ? ', then waitpid() or, when hutch dies, kill()' : ''}`,
  join_time_namespace: () => 'setns(CLONE_NEWTIME)',
  take_terminal: () => 'ioctl(0, TIOCSCTTY)',
  make_slave: () => 'mount(NULL, /, NULL, MS_REC | MS_SLAVE)',
  wait_for: (step) => describeWait(step),
  join_cgroup: (step) => describeCgroup(step),
  publish_ports: (step) =>
    `${asks(step, 'ask for these ports of the host to lead here', 'wait until these ports of the host lead here')}: ${step.ports.map(portText).join(', ')}`,
  await_monitor: () => 'wait until the monitor has done all that it was asked for',
  limit_network: (step) =>
    `${asks(step, 'ask for tc to hold', 'wait until tc has held')} ${show(step.device)} to ${rateText(step.bitsPerSecond)} per second out, and in through ${INGRESS_DEVICE}, bursts of ${String(step.burstBytes)} bytes`,
  mount_overlay: (step) => `chdir(${show(step.from)}), mount(overlay, ${show(step.at)}): ${overlayOptions(step)}`,
  bind_root: (step) => `mount(${show(step.source)}, ${show(step.at)}, MS_BIND | MS_REC)`,
  open_root: (step) => `open(${show(step.at)}, O_PATH | O_DIRECTORY)`,
  overlay_host_directory: (step) =>
    `chdir(${show(step.from)}), mount(overlay, ${show(step.target)}): ${overlayOptions({ ...step, lower: [step.lower] })}`,
  make_directory: (step) => `mkdirat(root, ${show(step.target)}, ${octal(step.mode)})`,
  make_symlink: (step) => `symlinkat(${show(step.to)}, root, ${show(step.target)})`,
  mount: (step) =>
    `fsopen(${step.type}${mountOptions(step.options)}), fsmount(${attributes(step.attributes)}), move_mount(${show(step.target)})`,
  bind: (step) =>
    `open_tree(${show(step.source)}${step.recursive ? ', AT_RECURSIVE' : ''}), ` +
    `mount_setattr(${attributes(step.attributes)}), move_mount(${show(step.target)})`,
  mask: (step) => `move_mount(/dev/null or an empty tmpfs, ${show(step.target)})`,
  make_read_only: (step) => `open_tree(${show(step.target)}), mount_setattr(ro), move_mount(${show(step.target)})`,
  make_root_read_only: ({ target }) => `mount_setattr(${target ?? 'root'}, ro)`,
  stdio: (step) => describeStdio(step),
  pivot_root: () => 'pivot_root(., .), umount2(., MNT_DETACH)',
  set_domainname: (step) => `setdomainname(${show(step.domainname)})`,
  set_oom_score: (step) => `write(/proc/self/oom_score_adj, ${String(step.adjustment)})`,
  set_hostname: (step) => `sethostname(${show(step.hostname)})`,
  loopback_up: () => 'ioctl(SIOCSIFFLAGS, lo, IFF_UP)',
  sysctl: (step) =>
    `write(/proc/sys/${sysctlPath(step.name)}, ${show(step.value)})${step.optional ? ', may fail' : ''}`,
  join_keyring: (step) => `keyctl(KEYCTL_JOIN_SESSION_KEYRING, ${show(step.name)})${step.required ? '' : ', may fail'}`,
  set_rlimit: (step) => `setrlimit(RLIMIT_${step.resource}, soft ${limit(step.soft)}, hard ${limit(step.hard)})`,
  change_directory: (step) => `openat2(root, ${show(step.target)}), fchdir()`,
  bound_capabilities: (step) => `prctl(PR_CAPBSET_DROP) for all but ${names(step.keep)}`,
  set_user: (step) =>
    `${step.setGroups ? `setgroups([${step.groups.join(', ')}]), ` : ''}setresgid(${times3(step.gid)}), setresuid(${times3(step.uid)})`,
  set_capabilities: (step) =>
    `capset(effective ${names(step.effective)}; permitted ${same(step.permitted, step.effective)}; ` +
    `inheritable ${names(step.inheritable)}), ambient ${names(step.ambient)}`,
  no_new_privileges: () => 'prctl(PR_SET_NO_NEW_PRIVS, 1)',
  set_umask: (step) => `umask(${octal(step.mask)})`,
  reset_signals: () => 'rt_sigaction(every signal, SIG_DFL), rt_sigprocmask(none blocked)',
  close_descriptors: () => 'close_range(3, ~0, CLOSE_RANGE_CLOEXEC)',
  landlock: (step) =>
    `landlock_restrict_self(all file rights beneath /${step.scopeAbstractSockets ? ', no abstract sockets outside' : ''})`,
  seccomp: (step) =>
    `seccomp(SECCOMP_SET_MODE_FILTER, profile ${show(step.profile)}, ${String(step.instructions)} instructions)`,
  execve: (step) => `execve(${step.argv.map(show).join(' ')}), ${String(step.env.length)} environment variables`,
};

function describeCgroup(step: Step<'join_cgroup'>): string {
  const { driver, parent, name, settings, existing } = step;
  const unit = driver === 'systemd' ? '.scope' : '';
  const place = show(`${parent}/${name}${unit}/payload`);
  const limits = settings.map(({ file, value }) => `${file} ${show(value)}`).join(', ');
  const what =
    existing === true
      ? `wait until the monitor has moved this process into ${place}`
      : asks(
          step,
          `ask the monitor to make ${place} and move this process into it`,
          `wait until the monitor has made ${place} and moved this process into it`,
        );
  return `${what}${limits === '' ? '' : `: ${limits}`}`;
}

function describeStdio({ terminal, stdin, besides }: Step<'stdio'>): string {
  if (besides === 'none') return '/dev/null as 0, 1 and 2';
  if (terminal) return `open(/dev/pts/ptmx), ${besides === undefined ? 'ioctl(TIOCSCTTY), ' : ''}dup2(0, 1, 2)`;
  return `pipe2(), ${stdin ? '' : 'open(/dev/null), '}dup2(0, 1, 2)`;
}

const CLONE_FLAG: Readonly<Record<NamespaceName, string>> = {
  user: 'CLONE_NEWUSER',
  pid: 'CLONE_NEWPID',
  mount: 'CLONE_NEWNS',
  uts: 'CLONE_NEWUTS',
  ipc: 'CLONE_NEWIPC',
  network: 'CLONE_NEWNET',
  cgroup: 'CLONE_NEWCGROUP',
  time: 'CLONE_NEWTIME',
};

const WAITED_FOR = { network: 'network', rootfs: 'root file system' } as const;

function asks({ meanwhile }: Meanwhile, asking: string, waiting: string): string {
  return meanwhile === true ? asking : waiting;
}

function describeWait(step: Step<'wait_for'>): string {
  const { what, helper, networks = [], withIPv6 = [] } = step;
  if (what === 'networks') {
    const devices = networks.map((network, index) => {
      const kinds = withIPv6.includes(network) ? ', IPv4 and IPv6' : '';
      return `${show(network)} (eth${String(index)}${kinds})`;
    });
    return `${asks(step, 'ask the hub to connect it', 'wait until the hub has connected it')} to ${devices.join(', ')}`;
  }
  const who = show(helperName(helper) || 'the monitor');
  return `${asks(step, `ask for ${who} to set up`, `wait until ${who} has set up`)} the ${WAITED_FOR[what]}`;
}

/** `net/ipv4/x` for `net.ipv4.x`: the path below /proc/sys. Source: sysctl(8). */
export function sysctlPath(name: string): string {
  return name.includes('/') ? name : name.replaceAll('.', '/');
}

/** A value as it is when it is plain, else in JSON's quotes. */
function show(value: string): string {
  return /^[\w/.:=@%+,~-]+$/u.test(value) ? value : JSON.stringify(value);
}

function overlayOptions(step: {
  lower: readonly string[];
  upper: string;
  work: string;
  options: readonly string[];
}): string {
  const layers = [`lowerdir=${step.lower.join(':')}`, `upperdir=${step.upper}`, `workdir=${step.work}`];
  return [...layers, ...step.options].map(show).join(', ');
}

function mountOptions(options: Readonly<Record<string, string | null>>): string {
  return Object.entries(options)
    .map(([key, value]) => `, ${show(value === null ? key : `${key}=${value}`)}`)
    .join('');
}

function attributes(list: readonly MountAttribute[]): string {
  return list.length === 0 ? 'no attributes' : list.join(', ');
}

function names(list: readonly string[]): string {
  return list.length === 0 ? 'none' : list.map((name) => name.replace(/^CAP_/u, '').toLowerCase()).join(' ');
}

function same(list: readonly string[], other: readonly string[]): string {
  return list.length > 0 && list.join() === other.join() ? 'the same' : names(list);
}

function limit(value: number | null): string {
  return value === null ? 'unlimited' : String(value);
}

function times3(id: number): string {
  return `${String(id)}, ${String(id)}, ${String(id)}`;
}

function octal(mode: number): string {
  return `0${mode.toString(8)}`;
}
