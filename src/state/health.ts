/** How a container's health is known: its check, and what came of it; pure. */

export interface HealthCheck {
  /** What is run in the container: exit code 0 means healthy. */
  readonly command: readonly string[];
  /** From the end of one probe to the beginning of the next. */
  readonly intervalMs: number;
  /** A probe that takes longer has failed. */
  readonly timeoutMs: number;
  /** So long failures do not count, until the first success. */
  readonly startPeriodMs: number;
  /** The interval during that time. */
  readonly startIntervalMs: number;
  /** So many failures in a row make it unhealthy. */
  readonly retries: number;
}

export type HealthStatus = 'starting' | 'healthy' | 'unhealthy';

export interface Probe {
  /** RFC 3339. */
  readonly start: string;
  readonly end: string;
  /** -1: it took too long, or could not be run. */
  readonly exitCode: number;
  /** The beginning of what it wrote. */
  readonly output: string;
}

export interface Health {
  readonly status: HealthStatus;
  readonly failingStreak: number;
  /** The last probes, oldest first. */
  readonly log: readonly Probe[];
}

const KEPT_PROBES = 5;

export const NEW_HEALTH: Health = { status: 'starting', failingStreak: 0, log: [] };

/** The health after a probe that began `ageMs` after the container had started. */
export function afterProbe(before: Health, probe: Probe, check: HealthCheck, ageMs: number): Health {
  const log = [...before.log, probe].slice(-KEPT_PROBES);
  if (probe.exitCode === 0) return { status: 'healthy', failingStreak: 0, log };
  if (before.status === 'starting' && ageMs < check.startPeriodMs) return { ...before, log };
  const failingStreak = before.failingStreak + 1;
  return { status: failingStreak >= check.retries ? 'unhealthy' : before.status, failingStreak, log };
}

/** How long to wait for the next probe, `ageMs` after the start. */
export function nextProbeMs({ status }: Health, check: HealthCheck, ageMs: number): number {
  const isStarting = status === 'starting' && ageMs < check.startPeriodMs;
  return isStarting ? Math.min(check.startIntervalMs, check.intervalMs) : check.intervalMs;
}

/** What stands behind `Up 3 minutes`; empty without a check. As docker writes it. */
export function healthText(health: Health | null | undefined): string {
  if (health === null || health === undefined) return '';
  return health.status === 'starting' ? ' (health: starting)' : ` (${health.status})`;
}
