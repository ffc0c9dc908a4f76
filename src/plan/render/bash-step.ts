/** How a person does each kind of step with util-linux and coreutils; pure. One entry for each kind. */
import { rateCommands } from '../network-rate.ts';
import { applyTable, type NamespaceName, type Plan, type Step, type StepTable } from '../step.ts';
import { cgroupByHand } from './bash-cgroup.ts';
import { askFor } from './bash-enter.ts';
import { sysctlPath } from './describe-step.ts';
import { shellQuote, shellWords } from './shell-quote.ts';

/** A step in the script. What is left out is empty. */
export interface BashStep {
  /** Words put before the command that starts the container stage: programs that execute the next one. */
  readonly prefix?: readonly string[];
  /** Lines at the step's place. */
  readonly lines?: readonly string[];
  /** Lines that need programs of the host, so they go before pivot_root wherever the step stands. */
  readonly early?: readonly string[];
  /** What bash cannot do here, or does in another way. */
  readonly cannot?: string;
}

/** The script's version of a step of `plan`. */
export function bashStep(step: Step, plan: Plan): BashStep {
  return applyTable(BASH, step, plan);
}

/** What the hub does cannot be done by programs in the container's namespaces, nor by any without the hub's. */
const NO_HUB: BashStep = {
  cannot:
    'the hub holds the bridges in a network namespace of its own, of another user namespace: by a socket opened there it makes a veth pair, one end of it in this container (ip link add … type veth peer … netns PID), gives that its address and route, and adds the names to its name server; here the container has lo alone',
};

const BASH: StepTable<BashStep, [Plan]> = {
  set_undumpable: () => ({ cannot: 'no program sets PR_SET_DUMPABLE; it guards init, which the script does not have' }),
  setsid: () => ({ prefix: ['setsid', '--wait'] }),
  become_root: (step) => ({
    prefix: ['setpriv', '--reuid=0', '--regid=0', step.clearGroups ? '--clear-groups' : '--keep-groups', '--'],
  }),
  unshare: (step, { steps }) => {
    const late: readonly NamespaceName[] = steps.some(({ kind }) => kind === 'unshare_cgroup') ? ['cgroup'] : [];
    return { prefix: ['unshare', ...unshareFlags([...step.namespaces, ...late]), '--'] };
  },
  // The script is in its scope from the start, and unshare(1) has made this one with the others.
  unshare_cgroup: () => ({}),
  join_namespaces: () => ONLY_EXEC,
  fork: () => ONLY_EXEC,
  join_time_namespace: () => ONLY_EXEC,
  take_terminal: () => ONLY_EXEC,
  make_slave: () => ({ lines: ['mount --make-rslave /'] }),
  join_cgroup: (step) => ({ cannot: cgroupByHand(step) }),
  wait_for: (step, { enter }) => (step.what === 'networks' ? NO_HUB : { lines: [askFor(step, enter)] }),
  publish_ports: () => ({
    cannot:
      'slirp4netns is asked for ports at a Unix socket, which bash cannot open: from the host nothing reaches this container',
  }),
  // The script has waited for each by itself.
  await_monitor: () => ({}),
  limit_network: (step) => ({ lines: rateCommands(step).map(({ argv }) => shellWords(argv)) }),
  mount_overlay: (step) => ({ lines: mountOverlay(step, shellQuote(step.at)) }),
  bind_root: (step) => ({ lines: [`mount --rbind -- ${shellWords([step.source, step.at])}`] }),
  open_root: (step) => ({ lines: [`ROOT=${shellQuote(step.at)}`] }),
  overlay_host_directory: (step) => ({
    lines: [`directory ${shellQuote(step.target)}`, ...mountOverlay({ ...step, lower: [step.lower] }, '"$REPLY"')],
  }),
  make_directory: (step) => ({ lines: [`directory ${shellQuote(step.target)} 0${step.mode.toString(8)}`] }),
  make_symlink: (step) => ({ lines: [`symlink ${shellWords([step.target, step.to])}`] }),
  mount: (step) => ({
    lines: [
      `directory ${shellQuote(step.target)}`,
      `mount -t ${step.type} ${optionsFlag(step)}-- ${step.type} "$REPLY"`,
      // With -o the file system itself would be read-only, not this mount of it.
      ...(step.attributes.includes('ro') ? ['attributes "$REPLY" ro'] : []),
    ],
  }),
  bind: (step) => ({
    lines: [
      `bind ${shellWords([step.source, step.target, step.recursive ? '--rbind' : '--bind', step.attributes.join(',')])}`,
    ],
  }),
  mask: (step) => ({ lines: [`mask ${shellQuote(step.target)}`] }),
  make_read_only: (step) => ({ lines: [`read_only ${shellQuote(step.target)}`] }),
  make_root_read_only: ({ target = '' }) => ({
    lines: target === '' ? ['attributes "$ROOT" ro'] : [`beneath ${shellQuote(target)}`, 'attributes "$REPLY" ro'],
  }),
  stdio: (step) => ({
    lines: step.stdin || step.terminal ? [] : ['exec </dev/null'],
    cannot: step.terminal
      ? "no program opens a terminal of the container's own devpts: the payload keeps the caller's terminal, and /dev/console is missing"
      : "the payload keeps the caller's own stdout and stderr; hutch gives it pipes",
  }),
  pivot_root: () => ({
    lines: ['pack_tools', 'host_tool pivot_root "$ROOT" "$ROOT"', 'host_tool umount -l /'],
  }),
  set_hostname: (step) => ({ early: [`hostname -- ${shellQuote(step.hostname)}`] }),
  set_domainname: (step) => ({ early: [`domainname -- ${shellQuote(step.domainname)}`] }),
  set_oom_score: (step) => ({ early: [`echo ${String(step.adjustment)} >/proc/self/oom_score_adj`] }),
  loopback_up: () => ({
    early: [
      "if command -v ip >/dev/null; then ip link set lo up; else echo 'lo stays down: ip (iproute2) is missing' >&2; fi",
    ],
  }),
  sysctl: (step) => ({ early: [writeSysctl(step)] }),
  join_keyring: () => ({ cannot: "no program of util-linux joins a session keyring: the caller's keys stay in reach" }),
  set_rlimit: (step) => ({
    lines: [`limits+=(--${step.resource.toLowerCase()}=${limit(step.soft)}:${limit(step.hard)})`],
  }),
  change_directory: (step) => ({
    early: [`directory ${shellQuote(step.target)}`],
    lines: [`environment+=(-C ${shellQuote(step.target)})`],
  }),
  bound_capabilities: (step) => ({ lines: [`privileges+=(--bounding-set=${capabilities(step.keep)})`] }),
  set_user: (step) => ({
    lines: [`privileges+=(--reuid=${String(step.uid)} --regid=${String(step.gid)} ${groupsFlag(step)})`],
  }),
  set_capabilities: (step) => ({
    lines: [`privileges+=(--inh-caps=${capabilities(step.inheritable)} --ambient-caps=${capabilities(step.ambient)})`],
    cannot:
      'setpriv has no word for the effective and permitted sets: by execve(2) root gets all of its bounding set, others their ambient set',
  }),
  no_new_privileges: () => ({ lines: ['privileges+=(--no-new-privs)'] }),
  set_umask: (step) => ({ lines: [`mask_of_files=0${step.mask.toString(8)}`] }),
  reset_signals: () => ({ lines: ['environment+=(--default-signal)'] }),
  close_descriptors: () => ({
    early: ['for fd in /proc/self/fd/*; do case ${fd##*/} in [012]) ;; *) eval "exec ${fd##*/}>&-" ;; esac; done'],
  }),
  landlock: () => ({ cannot: 'util-linux 2.38 has no program for Landlock: there is no second fence around the root' }),
  seccomp: (step) => ({
    cannot: `no program installs a seccomp filter (profile ${step.profile}, ${String(step.instructions)} instructions): every system call is allowed`,
  }),
  execve: (step) => execute(step),
};

/** `hutch plan exec` has no script: what it would do is one line of nsenter(1), without the fences. */
const ONLY_EXEC: BashStep = { cannot: 'it is a step of exec, which has no script' };

const UNSHARE_FLAG: Readonly<Record<NamespaceName, readonly string[]>> = {
  user: ['--user'],
  pid: ['--pid', '--fork', '--kill-child'],
  mount: ['--mount', '--propagation=unchanged'],
  uts: ['--uts'],
  ipc: ['--ipc'],
  network: ['--net'],
  cgroup: ['--cgroup'],
  time: ['--time', '--fork', '--kill-child'],
};

function unshareFlags(namespaces: readonly NamespaceName[]): string[] {
  return [...new Set(namespaces.flatMap((name) => UNSHARE_FLAG[name]))];
}

interface Overlay {
  readonly from: string;
  readonly lower: readonly string[];
  readonly upper: string;
  readonly work: string;
  readonly options: readonly string[];
}

function mountOverlay({ from, lower, upper, work, options }: Overlay, at: string): string[] {
  const layers = [
    `lowerdir=${lower.map(escapeOption).join(':')}`,
    `upperdir=${escapeOption(upper)}`,
    `workdir=${escapeOption(work)}`,
  ];
  return [
    `cd ${shellQuote(from)}`,
    `mount -t overlay -o ${shellQuote([...layers, ...options].join(','))} -- overlay ${at}`,
  ];
}

/** Colons and commas part the options of overlayfs; a backslash takes their meaning away. */
function escapeOption(path: string): string {
  return path.replace(/[\\:,]/gu, String.raw`\$&`);
}

function optionsFlag({ attributes, options }: Step<'mount'>): string {
  const list = [
    ...attributes.filter((name) => name !== 'ro'),
    ...Object.entries(options).map(([key, value]) => (value === null ? key : `${key}=${value}`)),
  ];
  return list.length === 0 ? '' : `-o ${shellQuote(list.join(','))} `;
}

function writeSysctl({ name, value, optional }: Step<'sysctl'>): string {
  const path = shellQuote(`/proc/sys/${sysctlPath(name)}`);
  const write = `printf %s ${shellQuote(value)} >${path}`;
  return optional ? `{ ${write}; } 2>/dev/null || true` : write;
}

function limit(value: number | null): string {
  return value === null ? 'unlimited' : String(value);
}

function groupsFlag({ groups, setGroups }: Step<'set_user'>): string {
  if (!setGroups) return '--keep-groups';
  return groups.length === 0 ? '--clear-groups' : `--groups=${groups.join(',')}`;
}

function capabilities(names: readonly string[]): string {
  return ['-all', ...names.map((name) => `+${name.replace(/^CAP_/u, '').toLowerCase()}`)].join(',');
}

function execute({ argv, env }: Step<'execve'>): BashStep {
  const usable = env.filter((entry) => entry.indexOf('=') > 0);
  const lines = [
    'variables=(',
    ...usable.map((entry) => `  ${shellQuote(entry)}`),
    ')',
    `payload=(${shellWords(argv)})`,
  ];
  const faults = [
    ...(usable.length < env.length
      ? [`env cannot set ${String(env.length - usable.length)} entries that have no name`]
      : []),
    ...(argv[0]?.includes('=') === true ? ['env takes a command with an equals sign in its name for a variable'] : []),
    ...(argv[0]?.includes('/') !== true && !env.some((entry) => entry.startsWith('PATH='))
      ? ['without PATH env looks for the command in /bin and /usr/bin only']
      : []),
  ];
  return faults.length === 0 ? { lines } : { lines, cannot: faults.join('; ') };
}
