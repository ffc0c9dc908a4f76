/** Which cgroup driver a new container gets, and what becomes of limits where there is none; on the host's side, changes nothing. */
import { join } from 'node:path';
import { HutchError } from '../../errors/hutch-error.ts';
import {
  CGROUP_DRIVERS,
  DEFAULT_PARENT,
  type CgroupDriverName,
  type CgroupMaker,
  type CgroupVerdict,
} from '../../drivers/cgroup/driver.ts';
import { requireControllers } from '../../drivers/cgroup/apply-settings.ts';
import { chooseCgroupDriver } from '../../drivers/cgroup/select.ts';
import { hasDelegationFence } from '../../host/probe/cgroup.ts';
import { cgroupSettings } from '../../oci/cgroup-settings.ts';
import type { SpecResources } from '../../oci/resources.ts';
import type { Settings } from '../../state/settings.ts';
import type { Store } from '../../state/store.ts';
import { buildResources } from './build-resources.ts';
import { hasLimits } from './limit-request.ts';
import { badValue } from './parse-values.ts';
import type { RunRequest } from './run-request.ts';
import type { SystemdMode } from './systemd-mode.ts';

/** As many processes as podman gives a container by itself. */
export const DEFAULT_PIDS = 2048;

/** What the spec says about the container's cgroup. */
export interface ChosenCgroup {
  readonly driver: CgroupMaker;
  readonly path: string;
  readonly resources: SpecResources;
  /** Without it the container does not start. */
  readonly isRequired: boolean;
  /** The payload may make cgroups below its own. */
  readonly isDivided: boolean;
}

type CgroupRequest = Pick<RunRequest, 'limits' | 'cgroupDriver' | 'cgroupParent' | 'cgroups'> & {
  readonly systemd: SystemdMode;
};

/** Null: it has no cgroup of its own, and nobody has asked for limits. LIMIT_UNAVAILABLE, USAGE_INVALID. */
export async function chooseCgroup(
  request: CgroupRequest,
  { settings, store, id }: { readonly settings: Settings; readonly store: Store; readonly id: string },
): Promise<ChosenCgroup | null> {
  const asked = buildResources(request.limits);
  const isRequired = hasLimits(request.limits) || request.cgroupParent !== undefined || request.systemd === 'asked';
  const wanted = wantedDriver(request, settings, store);
  const verdict = await chooseCgroupDriver(wanted);
  const isDivided = mayDivide(request, verdict);
  const { name, controllers } = verdict;
  if (name === 'none') {
    if (isRequired || (wanted !== undefined && wanted !== 'none')) throw noCgroup(request, verdict);
    return null;
  }
  const resources = withDefaults(asked, controllers);
  if (controllers.length > 0) requireControllers(cgroupSettings(resources), controllers);
  return { driver: name, path: pathOf(name, request.cgroupParent, id), resources, isRequired, isDivided };
}

function withDefaults(resources: SpecResources, controllers: readonly string[]): SpecResources {
  if (resources.pids !== undefined || !controllers.includes('pids')) return resources;
  return { ...resources, pids: { limit: DEFAULT_PIDS } };
}

function wantedDriver(request: CgroupRequest, settings: Settings, store: Store): CgroupDriverName | undefined {
  if (request.cgroups === 'disabled') return 'none';
  if (request.cgroups !== undefined && request.cgroups !== 'enabled')
    throw badValue('--cgroups', request.cgroups, 'enabled or disabled');
  const word = request.cgroupDriver ?? settings.cgroupDriver;
  const found = CGROUP_DRIVERS.find((name) => name === word);
  if (word === undefined || found !== undefined) return found;
  const place =
    request.cgroupDriver === undefined ? `"cgroupDriver" in ${join(store.config, 'config.json')}` : '--cgroup-driver';
  throw badValue(place, word, `one of ${CGROUP_DRIVERS.join(', ')}`);
}

/** Each `-` leads to a slice within the one before it. Source: systemd.slice(5). */
const SLICE = /^[a-zA-Z0-9_.\\]+(?:-[a-zA-Z0-9_.\\]+)*\.slice$/u;

/** As runc has it: SLICE:PREFIX:NAME for systemd, a path otherwise. */
function pathOf(driver: CgroupMaker, parent: string | undefined, id: string): string {
  const name = id.slice(0, 12);
  const place = parent ?? DEFAULT_PARENT[driver];
  if (driver === 'systemd') {
    if (!SLICE.test(place))
      throw badValue('--cgroup-parent', place, 'the name of a slice of systemd, such as work.slice or work-deep.slice');
    return `${place}:hutch:${name}`;
  }
  const plain = place.replace(/^\/+|\/+$/gu, '');
  if (!/^[\w.@-]+(?:\/[\w.@-]+)*$/u.test(plain) || plain.split('/').some((part) => /^\.+$/u.test(part)))
    throw badValue('--cgroup-parent', place, 'a path below the cgroup that was delegated, such as work');
  return `${plain}/hutch-${name}`;
}

function noCgroup({ limits, cgroupParent, cgroupDriver }: CgroupRequest, { reason }: CgroupVerdict): HutchError {
  const what = firstLimit(limits) ?? (cgroupParent === undefined ? undefined : '--cgroup-parent');
  const head = what === undefined ? `--cgroup-driver ${cgroupDriver ?? ''} cannot be used` : `cannot apply ${what}`;
  const isV1 = reason?.includes('unified') === true;
  return new HutchError(`${head}: ${reason ?? 'no cgroup can be had'}`, {
    code: 'LIMIT_UNAVAILABLE',
    hint: isV1
      ? 'ask an admin to boot with systemd.unified_cgroup_hierarchy=1; without limits the container runs'
      : 'log in directly (by ssh or on a console, not by su), or ask an admin: loginctl enable-linger; without limits the container runs',
  });
}

/** The flag that was given, for the message. */
function firstLimit(limits: CgroupRequest['limits']): string | undefined {
  const given = Object.entries(limits).find(([, value]) =>
    Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false,
  );
  return given === undefined ? undefined : `--${kebab(given[0])}`;
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`);
}

/** Without the fence the payload could lift its own limits: their files belong to the user, and so to its root. Source: cgroups(7), nsdelegate. */
function mayDivide({ systemd }: CgroupRequest, { name }: CgroupVerdict): boolean {
  if (systemd === 'off' || name === 'none') return false;
  if (hasDelegationFence()) return true;
  if (systemd === 'recognized') return false;
  throw new HutchError(
    '--systemd would let the container change its own limits: cgroup2 is mounted without nsdelegate',
    {
      code: 'LIMIT_UNAVAILABLE',
      hint: 'ask an admin: mount -o remount,nsdelegate /sys/fs/cgroup',
    },
  );
}
