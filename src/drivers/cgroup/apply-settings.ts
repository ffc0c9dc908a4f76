/** Writing limits into a cgroup, and reading each back: one that did not take effect is an error; on the host's side. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, HutchError } from '../../errors/hutch-error.ts';
import { readControllers } from '../../host/probe/cgroup.ts';
import { controllerOf, flagOf, type CgroupSetting } from '../../oci/cgroup-settings.ts';
import { textIfThere, writeValue } from './subtree.ts';
import { holds } from './holds.ts';
import { notDelegated } from './not-delegated.ts';

/** LIMIT_UNAVAILABLE when a controller is missing; CGROUP_FAILED when the kernel refuses a value or does not keep it. */
export function applySettings(directory: string, settings: readonly CgroupSetting[]): void {
  requireControllers(settings, readControllers(directory));
  for (const setting of settings) apply(directory, setting);
}

/** LIMIT_UNAVAILABLE, which names the first setting whose controller is not among these. */
export function requireControllers(settings: readonly CgroupSetting[], controllers: readonly string[]): void {
  for (const setting of settings) {
    const controller = controllerOf(setting.file);
    if (controller !== null && !controllers.includes(controller))
      throw notDelegated(flagOf(setting), controller, controllers);
  }
}

function apply(directory: string, setting: CgroupSetting): void {
  const path = join(directory, setting.file);
  const before = textIfThere(path);
  if (before === null && setting.ifThere === true) return;
  if (before === null) throw refused(setting, 'this kernel has no such file');
  try {
    writeValue(path, setting.value);
  } catch (cause) {
    throw refused(setting, errnoOf(cause) ?? String(cause), { cause, directory });
  }
  const after = readBack(path);
  if (!holds(setting, after)) throw refused(setting, `it reads "${after}" afterwards`);
  requireEffective(directory, setting);
}

function readBack(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

/** Processors that a cgroup above does not have are accepted, and left out. */
function requireEffective(directory: string, setting: CgroupSetting): void {
  if (setting.file !== 'cpuset.cpus' && setting.file !== 'cpuset.mems') return;
  const effective = readBack(join(directory, `${setting.file}.effective`));
  if (!holds(setting, effective)) throw refused(setting, `only ${effective} can be had here`);
}

/** Where and why a value was refused. */
interface Circumstances {
  readonly cause?: unknown;
  readonly directory?: string;
}

function remedyFor(setting: CgroupSetting, directory = ''): string {
  const isSet = setting.file === 'cpuset.cpus' || setting.file === 'cpuset.mems';
  const numbers = isSet ? readBack(join(directory, `${setting.file}.effective`)) : '';
  return numbers === ''
    ? `give another value; docs/limits.md tells what ${flagOf(setting)} can be`
    : `give some of those that there are here: ${numbers}`;
}

const REASONS: Readonly<Record<string, string>> = {
  EINVAL: 'EINVAL, which means a value that it does not know',
  ERANGE: 'ERANGE, which means a number that does not exist here',
  EACCES: 'EACCES: the file is not yours to write',
  EPERM: 'EPERM: the file is not yours to write',
  ENODEV: 'ENODEV, which means a device that does not exist, or that takes no limits',
  ENOTSUP: 'ENOTSUP, which means that an admin would have to turn it on for this device',
  EBUSY: 'EBUSY: the cgroup uses more than that and does not let go of it',
};

function refused(setting: CgroupSetting, reason: string, { cause, directory }: Circumstances = {}): HutchError {
  return new HutchError(
    `${flagOf(setting)}: the kernel does not take "${setting.value}" for ${setting.file}: ${REASONS[reason] ?? reason}`,
    {
      code: 'CGROUP_FAILED',
      hint: remedyFor(setting, directory),
      context: { file: setting.file, value: setting.value },
      cause,
    },
  );
}
