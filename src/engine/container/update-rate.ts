/** The rate of a container's network, changed: in its record, and at once where it runs; in the CLI process. */
import { HutchError } from '../../errors/hutch-error.ts';
import { NETWORK_DRIVERS, type NetworkDriver, type NetworkDriverName } from '../../drivers/network/driver.ts';
import { networkDriver } from '../../drivers/network/select.ts';
import { HUTCH_ANNOTATIONS, type RuntimeSpec } from '../../oci/runtime-spec.ts';
import { changeRate, limitNetwork, unlimitNetwork } from '../../monitor/limit-network.ts';
import { compileNetworkRate } from '../../plan/compile/compile-network-rate.ts';
import type { NetworkRate } from '../../plan/network-rate.ts';
import type { Plan, Step } from '../../plan/step.ts';
import { networkRate, requireRateTools } from './network-rate.ts';
import { networkOf } from './read-spec.ts';

export interface RateRequest {
  readonly networkRate?: string | undefined;
  readonly networkBurst?: string | undefined;
}

export function hasRate({ networkRate: rate, networkBurst: burst }: RateRequest): boolean {
  return rate !== undefined || burst !== undefined;
}

/** The spec with the rate that is asked for; what is not named stays. USAGE_INVALID as networkRate(), HOST_TOOL_MISSING. */
export function withRate(spec: RuntimeSpec, request: RateRequest): RuntimeSpec {
  if (!hasRate(request)) return spec;
  requireRateTools();
  const old = spec.annotations[HUTCH_ANNOTATIONS.networkRate];
  const asked = {
    networkRate: request.networkRate ?? (old === undefined ? undefined : `${old}bit`),
    networkBurst: request.networkBurst,
  };
  const rate = networkRate(asked, driverOf(spec), spec.process.capabilities);
  return { ...spec, annotations: { ...spec.annotations, ...rate } };
}

/** The plan with the rate of the spec, in the place where each start sets it. */
export function planWithRate(plan: Plan, spec: RuntimeSpec): Plan {
  const steps = plan.steps.filter(({ kind }) => kind !== 'limit_network');
  const place = steps.findLastIndex(isAboutNetwork) + 1;
  return { ...plan, steps: steps.toSpliced(place, 0, ...compileNetworkRate(spec, driverOf(spec).device)) };
}

/**
 * Holds the network of a container that runs, by the host pid of its process 1, to the rate of `after`, and reads it back; where that fails, it is
 * what it was before. HOST_FEATURE_MISSING, NETWORK_FAILED.
 */
export async function applyRate(pid: number, before: RuntimeSpec, after: RuntimeSpec): Promise<void> {
  const [old, wanted] = [rateOf(before), rateOf(after)];
  if (wanted === undefined) return;
  try {
    await (old === undefined ? limitNetwork(wanted, pid) : changeRate(wanted, pid));
  } catch (error) {
    await (old === undefined ? unlimitNetwork(wanted, pid) : changeRate(old, pid)).catch(() => undefined);
    throw error;
  }
}

/** What an event tells of it. */
export function rateWords({ annotations }: RuntimeSpec): Record<string, string> {
  const [rate, burst] = [annotations[HUTCH_ANNOTATIONS.networkRate], annotations[HUTCH_ANNOTATIONS.networkBurst]];
  return rate === undefined || burst === undefined ? {} : { networkRate: rate, networkBurst: burst };
}

function isAboutNetwork(step: Step): boolean {
  return step.kind === 'publish_ports' || (step.kind === 'wait_for' && step.what === 'network');
}

function rateOf(spec: RuntimeSpec): NetworkRate | undefined {
  return compileNetworkRate(spec, driverOf(spec).device)[0];
}

function driverOf(spec: RuntimeSpec): NetworkDriver {
  const name = networkOf(spec);
  if ((NETWORK_DRIVERS as readonly string[]).includes(name)) return networkDriver(name as NetworkDriverName);
  throw new HutchError(`--network-rate: the rate of --net ${name} is not that of one container`, {
    code: 'USAGE_INVALID',
    hint: 'change that of the container whose network it is',
    context: { network: name },
  });
}
