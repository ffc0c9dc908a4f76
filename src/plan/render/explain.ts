/** A plan as text for people: how the namespaces are entered, then every step with its reason; pure. */
import { printable } from '../../errors/hutch-error.ts';
import {
  applyTable,
  type Enter,
  type ExecPlan,
  type Join,
  type Plan,
  type Step,
  type StepGroup,
  type StepTable,
} from '../step.ts';
import { describeMaps } from './describe-maps.ts';
import { describeStep } from './describe-step.ts';
import { shortPaths } from './short-paths.ts';
import { wrapText } from './wrap-text.ts';

export interface ExplainOptions {
  /** ANSI sequences for headings and reasons. */
  readonly colour: boolean;
  /** Columns of the output; 100 unless told. */
  readonly width?: number;
}

const HEADINGS: Readonly<Record<StepGroup, string>> = {
  namespaces: 'Namespaces: what the container sees',
  mounts: 'Mounts: its file system',
  network: 'Network',
  limits: 'Limits: what it may use',
  security: 'Security: what it may ask the kernel for',
  process: 'Process: the payload itself',
};

const GROUPS: StepTable<StepGroup> = {
  set_undumpable: () => 'security',
  setsid: () => 'process',
  become_root: () => 'namespaces',
  unshare: () => 'namespaces',
  unshare_cgroup: () => 'namespaces',
  join_namespaces: () => 'namespaces',
  fork: () => 'process',
  join_time_namespace: () => 'namespaces',
  take_terminal: () => 'process',
  make_slave: () => 'namespaces',
  join_cgroup: () => 'limits',
  wait_for: (step) => (step.what === 'rootfs' ? 'mounts' : 'network'),
  publish_ports: () => 'network',
  await_monitor: () => 'process',
  limit_network: () => 'limits',
  mount_overlay: () => 'mounts',
  bind_root: () => 'mounts',
  open_root: () => 'mounts',
  overlay_host_directory: () => 'mounts',
  make_directory: () => 'mounts',
  make_symlink: () => 'mounts',
  mount: () => 'mounts',
  bind: () => 'mounts',
  mask: () => 'security',
  make_read_only: () => 'security',
  make_root_read_only: () => 'mounts',
  stdio: () => 'process',
  pivot_root: () => 'mounts',
  set_hostname: () => 'namespaces',
  set_domainname: () => 'namespaces',
  set_oom_score: () => 'limits',
  loopback_up: () => 'network',
  sysctl: (step) => (/^net[./]/u.test(step.name) ? 'network' : 'limits'),
  join_keyring: () => 'security',
  set_rlimit: () => 'limits',
  change_directory: () => 'process',
  bound_capabilities: () => 'security',
  set_user: () => 'process',
  set_capabilities: () => 'security',
  no_new_privileges: () => 'security',
  set_umask: () => 'process',
  reset_signals: () => 'process',
  close_descriptors: () => 'security',
  landlock: () => 'security',
  seccomp: () => 'security',
  execve: () => 'process',
};

/** What a step is about. */
export function groupOf(step: Step): StepGroup {
  return applyTable(GROUPS, step);
}

/** The explanation, with a line feed at the end. The number of a step is its place in the order of execution. */
export function renderExplanation(plan: Plan | ExecPlan, options: ExplainOptions): string {
  const width = options.width ?? 100;
  const { legend, shorten } = 'join' in plan ? { legend: null, shorten: (text: string) => text } : shortPaths(plan);
  const numbered = plan.steps.map((step, index) => ({ step, number: index + 1, does: shorten(describeStep(step)) }));
  const groups = (Object.keys(HEADINGS) as StepGroup[]).flatMap((group) => {
    const members = numbered.filter(({ step }) => groupOf(step) === group);
    if (members.length === 0) return [];
    return [
      '',
      heading(HEADINGS[group], options),
      ...runsOf(members).flatMap((run) => explainRun(run, options, width)),
    ];
  });
  const order = `${String(plan.steps.length)} steps follow, grouped by subject. The number of a step is its place in the order in which they are done.`;
  const lines = [
    ...('join' in plan ? explainJoin(plan.join, options, width) : explainEnter(plan.enter, options, width)),
    '',
    ...[order, legend].flatMap((text) => (text === null ? [] : wrapText(text, { first: '', rest: '', width }))),
    ...groups,
  ];
  return `${lines.join('\n')}\n`;
}

function explainEnter(enter: Enter, options: ExplainOptions, width: number): string[] {
  const spaces = enter.userNamespaces.flatMap((space, index) => {
    const title =
      enter.network !== undefined
        ? `user and network namespaces of container ${enter.network.container.slice(0, 12)}, which must run:`
        : index === 0
          ? 'user namespace of your own:'
          : `user namespace ${String(index + 1)}, inside the one before:`;
    return [
      `  ${title}`,
      ...describeMaps(space).flatMap((line) => wrapText(line, { first: '    ', rest: '      ', width })),
    ];
  });
  const pid =
    enter.pid === 'private'
      ? 'pid namespace: a new one, in which the payload is process 1'
      : "pid namespace: the host's";
  return [
    heading('Before the first step: how the namespaces are entered', options),
    ...spaces,
    ...[pid, describeTime(enter.time)].flatMap((line) => wrapText(line, { first: '  ', rest: '    ', width })),
    ...reason(enter.why, '  ', options, width),
  ];
}

function explainJoin({ pid, holder, why }: Join, options: ExplainOptions, width: number): string[] {
  const mounts =
    holder === null
      ? "mount namespace: a new one, the host's tree with a read-only Node"
      : `mount namespace: that of process ${String(holder)} of the launch chain, the host's tree with a read-only Node`;
  return [
    heading('Before the first step: how the container is entered', options),
    ...[`user namespace: that of process ${String(pid)}, the container's own`, mounts].flatMap((line) =>
      wrapText(line, { first: '  ', rest: '    ', width }),
    ),
    ...reason(why, '  ', options, width),
  ];
}

function describeTime(time: Enter['time']): string {
  if (time === null) return "time namespace: the host's";
  const offsets = `monotonic ${signed(time.monotonicSeconds)} s, boottime ${signed(time.boottimeSeconds)} s`;
  return `time namespace: a new one, clocks set off by ${offsets}`;
}

function signed(seconds: number): string {
  return seconds < 0 ? String(seconds) : `+${String(seconds)}`;
}

/** A step with its place in the plan, from 1, and what it does. */
interface Numbered {
  readonly step: Step;
  readonly number: number;
  readonly does: string;
}

/** Steps that follow each other for the same reason: it is given once. */
function runsOf(steps: readonly Numbered[]): Numbered[][] {
  const runs: Numbered[][] = [];
  for (const step of steps) {
    const last = runs.at(-1)?.at(-1);
    const isNext = last?.number === step.number - 1 && last.step.why.text === step.step.why.text;
    if (isNext) runs.at(-1)?.push(step);
    else runs.push([step]);
  }
  return runs;
}

function explainRun(run: readonly Numbered[], options: ExplainOptions, width: number): string[] {
  const rest = ' '.repeat(6);
  const [first, last] = [run[0]?.step.why, run.at(-1)?.step.why];
  if (first === undefined || last === undefined) return [];
  const spec = first.spec === last.spec ? first.spec : `${first.spec} to ${last.spec}`;
  return [
    ...run.flatMap(({ number, does }) =>
      wrapText(printable(does), { first: `${String(number).padStart(4)}  `, rest: `${rest}  `, width }),
    ),
    ...reason({ ...first, spec }, rest, options, width),
  ];
}

function reason(why: Step['why'], indent: string, options: ExplainOptions, width: number): string[] {
  const lines = wrapText(printable(`${why.text} [${why.spec}]`), { first: indent, rest: indent, width });
  return lines.map((line) => paint(line, '2', options));
}

function heading(text: string, options: ExplainOptions): string {
  return paint(text, '1', options);
}

function paint(text: string, code: string, { colour }: ExplainOptions): string {
  return colour ? `\u001b[${code}m${text}\u001b[0m` : text;
}
