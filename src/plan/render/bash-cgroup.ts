/** A container's cgroup in a script: the whole script runs in a scope that systemd-run(1) makes, or in none; pure. */
import type { CgroupSetting } from '../../oci/cgroup-settings.ts';
import type { Plan, Step } from '../step.ts';

/** The words before the first command of the script: empty without a cgroup, or where only a delegated one could be had. */
export function scopeWords(plan: Plan): string[] {
  const step = plan.steps.find((one): one is Step<'join_cgroup'> => one.kind === 'join_cgroup');
  if (step?.driver !== 'systemd') return [];
  const properties = step.settings.flatMap((setting) => propertiesOf(setting) ?? []);
  return [
    'systemd-run',
    '--user',
    '--scope',
    '--quiet',
    '--collect',
    `--slice=${step.parent}`,
    `--unit=${step.name}`,
    ...['Delegate=yes', 'TasksMax=infinity', ...properties].flatMap((property) => ['-p', property]),
    '--',
  ];
}

/** What the script does differently. */
export function cgroupByHand({ driver, settings }: Step<'join_cgroup'>): string {
  if (driver === 'cgroupfs')
    return 'the script stays in the cgroup of whoever starts it: a delegated one would have to be emptied first. No limit holds';
  const missing = settings.filter((setting) => propertiesOf(setting) === null).map(({ file }) => file);
  const rest = missing.length === 0 ? '' : `; systemd has no word for ${missing.join(', ')}`;
  return `systemd-run starts the container's part of the script in one scope: the limits hold for its shells too, helpers stay outside, nothing is read back, and the cgroup namespace begins at the scope itself${rest}`;
}

/** Settings as properties of a unit; null where there is none. Source: systemd.resource-control(5). */
function propertiesOf({ file, value, ifThere }: CgroupSetting): string[] | null {
  const words = value.replaceAll('max', 'infinity');
  if (file === 'cpu.max') return bandwidth(value);
  if (file === 'io.weight') return [`IOWeight=${value.replace('default ', '')}`];
  // systemd sets it along with the other file that says the same.
  if (ifThere === true) return [];
  const property = PROPERTIES[file];
  return property === undefined ? null : [`${property}=${words}`];
}

const PROPERTIES: Readonly<Record<string, string>> = {
  'memory.max': 'MemoryMax',
  'memory.high': 'MemoryHigh',
  'memory.low': 'MemoryLow',
  'memory.swap.max': 'MemorySwapMax',
  'cpu.weight': 'CPUWeight',
  'pids.max': 'TasksMax',
  'cpuset.cpus': 'AllowedCPUs',
  'cpuset.mems': 'AllowedMemoryNodes',
};

function bandwidth(value: string): string[] {
  const [quota = '', period = '100000'] = value.split(' ');
  if (quota === 'max') return [];
  const percent = (Number(quota) / Number(period)) * 100;
  return [`CPUQuota=${String(Math.max(Math.round(percent), 1))}%`, `CPUQuotaPeriodSec=${period}us`];
}
