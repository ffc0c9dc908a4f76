/** `hutch update`: other limits for a container, at once where it runs, and for every start from then on; in the CLI process. */
import { join } from 'node:path';
import { HutchError } from '../../errors/hutch-error.ts';
import { applySettings, requireControllers } from '../../drivers/cgroup/apply-settings.ts';
import { cgroupDriver, chooseCgroupDriver } from '../../drivers/cgroup/select.ts';
import { keepSettings } from '../../drivers/cgroup/keep-settings.ts';
import { cgroupSettings, siblingSettings, type CgroupSetting } from '../../oci/cgroup-settings.ts';
import { HUTCH_ANNOTATIONS, type RuntimeSpec } from '../../oci/runtime-spec.ts';
import { compileCgroup } from '../../plan/compile/compile-cgroup.ts';
import type { Plan } from '../../plan/step.ts';
import { containerDirectory, findContainer, type ContainerRecord } from '../../state/container-record.ts';
import { currentState, type CgroupRecord, type ContainerState } from '../../state/container-state.ts';
import { noteEvent } from '../../state/events.ts';
import { readJsonFile, writeJsonFile } from '../../state/json-file.ts';
import { locateStore, type Store } from '../../state/store.ts';
import { buildResources } from './build-resources.ts';
import { applyRate, hasRate, planWithRate, rateWords, withRate, type RateRequest } from './update-rate.ts';
import { weightNote } from './weight-note.ts';
import { hasLimits, type LimitRequest } from './limit-request.ts';

/**
 * Changes the limits of a container, and returns what there is to warn of. Where it runs either all of them take effect or none. CONTAINER_UNKNOWN, USAGE_INVALID, LIMIT_UNAVAILABLE,
 * CGROUP_FAILED.
 */
export async function updateContainer(word: string, request: LimitRequest, rate: RateRequest = {}): Promise<string[]> {
  if (!hasLimits(request) && !hasRate(rate))
    throw new HutchError('nothing to update: no limit was given', {
      code: 'USAGE_INVALID',
      hint: 'give one or more, such as --memory 512m; see hutch update --help',
    });
  const store = locateStore();
  const record = findContainer(store, word);
  const before = readSpec(store, record);
  if (hasLimits(request) && before.linux.cgroupsPath === undefined) throw hasNone(record);
  const spec = withRate(hasLimits(request) ? withLimits(before, request) : before, rate);
  const settings = changed(before, spec);
  await applyAll(currentState(store, record), { before, spec, settings }, hasRate(rate));
  writeLimits(store, record, spec);
  noteEvent(store, 'update', record, {
    ...Object.fromEntries(settings.map(({ file, value }) => [file, value])),
    ...(hasRate(rate) ? rateWords(spec) : {}),
  });
  const note = request.blkioWeight === undefined ? null : weightNote(spec.linux.resources);
  return note === null ? [] : [note];
}

interface Change {
  readonly before: RuntimeSpec;
  readonly spec: RuntimeSpec;
  readonly settings: readonly CgroupSetting[];
}

/** All of it, or nothing. */
async function applyAll(
  { cgroup = null, init }: ContainerState,
  { before, spec, settings }: Change,
  isRateAsked: boolean,
): Promise<void> {
  if (cgroup === null && settings.length > 0) await checkBeforehand(settings);
  const restore = cgroup === null ? () => undefined : await applyOrRestore(cgroup, settings);
  if (!isRateAsked || init === null) return;
  try {
    await applyRate(init.pid, before, spec);
  } catch (error) {
    restore();
    throw error;
  }
}

function withLimits(spec: RuntimeSpec, request: LimitRequest): RuntimeSpec {
  return {
    ...spec,
    linux: { ...spec.linux, resources: buildResources(request, spec.linux.resources) },
    annotations: { ...spec.annotations, [HUTCH_ANNOTATIONS.cgroupRequired]: 'true' },
  };
}

/** Those that differ; what is the same may have been changed by others. */
function changed(before: RuntimeSpec, after: RuntimeSpec): CgroupSetting[] {
  const old = cgroupSettings(before.linux.resources ?? {});
  return cgroupSettings(after.linux.resources ?? {}).filter(
    ({ file, value }) => !old.some((setting) => setting.file === file && setting.value === value),
  );
}

/** The next start would fail otherwise. */
async function checkBeforehand(settings: readonly CgroupSetting[]): Promise<void> {
  const { controllers } = await chooseCgroupDriver();
  if (controllers.length > 0) requireControllers(settings, controllers);
}

/** Returns what undoes it. */
async function applyOrRestore(cgroup: CgroupRecord, settings: readonly CgroupSetting[]): Promise<() => void> {
  const restore = keepSettings(cgroup.path, settings);
  try {
    applySettings(cgroup.path, settings);
    await cgroupDriver(cgroup.driver).weigh(cgroup, siblingSettings(settings));
    return restore;
  } catch (error) {
    restore();
    throw error;
  }
}

/** The spec first: it tells what is meant; each start goes by the plan. */
function writeLimits(store: Store, record: ContainerRecord, spec: RuntimeSpec): void {
  const directory = containerDirectory(store, record.id);
  const plan = readJsonFile(join(directory, 'plan.json')) as Plan;
  const [step] = compileCgroup(spec);
  const steps = plan.steps.map((old) => (old.kind === 'join_cgroup' && step !== undefined ? step : old));
  const options = { durable: !record.removeAtExit };
  writeJsonFile(join(directory, 'config.json'), spec, options);
  writeJsonFile(join(directory, 'plan.json'), planWithRate({ ...plan, steps }, spec), options);
}

function readSpec(store: Store, record: ContainerRecord): RuntimeSpec {
  const spec = readJsonFile(join(containerDirectory(store, record.id), 'config.json')) as RuntimeSpec | undefined;
  if (spec !== undefined) return spec;
  throw new HutchError(`container "${record.name}" is being made, or is not whole: it has no spec`, {
    code: 'RECORD_CORRUPT',
    hint: 'try again in a moment; if it stays so, see `hutch check`',
  });
}

function hasNone({ name }: ContainerRecord): HutchError {
  return new HutchError(
    `the limits of container "${name}" cannot be changed: it was made without a cgroup of its own`,
    {
      code: 'LIMIT_UNAVAILABLE',
      hint: 'make it anew where cgroups can be had; see what `hutch doctor` says about them',
      context: { container: name },
    },
  );
}
