/** The health check of a new container, from its flags and its image; pure. */
import type { ImageHealthCheck } from '../../oci/health-check.ts';
import type { HealthCheck } from '../../state/health.ts';
import { badValue, parseSeconds } from './parse-values.ts';
import type { RunRequest } from './run-request.ts';

/** As docker has them. */
const DEFAULTS = { intervalMs: 30_000, timeoutMs: 30_000, startPeriodMs: 0, startIntervalMs: 5000, retries: 3 };
const NANOSECONDS_PER_MS = 1e6;

type HealthFlags = Pick<
  RunRequest,
  | 'healthCommand'
  | 'healthInterval'
  | 'healthTimeout'
  | 'healthRetries'
  | 'healthStartPeriod'
  | 'healthStartInterval'
  | 'noHealthCheck'
>;

/** Null when there is nothing to check. A flag wins over the image; without --health-cmd the image's own command stays. USAGE_INVALID. */
export function parseHealth(request: HealthFlags, image: ImageHealthCheck | undefined): HealthCheck | null {
  const times = timesOf(request, image);
  if (request.noHealthCheck === true) {
    if (request.healthCommand === undefined) return null;
    throw badValue('--health-cmd', request.healthCommand, 'either --health-cmd or --no-healthcheck');
  }
  const command =
    request.healthCommand === undefined ? commandOf(image?.Test ?? []) : parseCommand(request.healthCommand);
  return command === null ? null : { command, ...times };
}

/** podman takes a JSON list or `none` as well; anything else is a line for the shell. */
function parseCommand(text: string): readonly string[] | null {
  if (text === 'none') return null;
  if (text.trim() === '') throw badValue('--health-cmd', text, 'a command');
  if (!text.startsWith('[')) return ['/bin/sh', '-c', text];
  const words = wordsOf(text);
  return words[0] === 'CMD' || words[0] === 'CMD-SHELL' || words[0] === 'NONE' ? commandOf(words) : words;
}

function wordsOf(text: string): string[] {
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value) && value.length > 0 && value.every((word) => typeof word === 'string')) return value;
  } catch {
    // Said below.
  }
  throw badValue('--health-cmd', text, 'a line for the shell, or a JSON list of words');
}

function commandOf([kind, ...words]: readonly string[]): readonly string[] | null {
  if (words.length === 0) return null;
  if (kind === 'CMD') return words;
  return kind === 'CMD-SHELL' ? ['/bin/sh', '-c', words.join(' ')] : null;
}

function timesOf(request: HealthFlags, image: ImageHealthCheck | undefined): Omit<HealthCheck, 'command'> {
  const { healthInterval, healthTimeout, healthStartPeriod, healthStartInterval, healthRetries } = request;
  const time = (flag: string, text: string | undefined, ofImage: number | undefined, fallback: number): number =>
    text === undefined ? fromImage(ofImage, fallback) : parseTime(flag, text, fallback);
  return {
    intervalMs: time('--health-interval', healthInterval, image?.Interval, DEFAULTS.intervalMs),
    timeoutMs: time('--health-timeout', healthTimeout, image?.Timeout, DEFAULTS.timeoutMs),
    startPeriodMs: time('--health-start-period', healthStartPeriod, image?.StartPeriod, DEFAULTS.startPeriodMs),
    startIntervalMs: time(
      '--health-start-interval',
      healthStartInterval,
      image?.StartInterval,
      DEFAULTS.startIntervalMs,
    ),
    retries: healthRetries === undefined ? (image?.Retries ?? DEFAULTS.retries) : parseRetries(healthRetries),
  };
}

function fromImage(nanoseconds: number | undefined, fallback: number): number {
  return nanoseconds === undefined ? fallback : nanoseconds / NANOSECONDS_PER_MS;
}

/** 0 stands for the default, as with docker. */
function parseTime(flag: string, text: string, fallback: number): number {
  const millis = /^(\d+)ms$/u.exec(text)?.[1];
  const ms = millis === undefined ? parseSeconds(flag, text) * 1000 : Number(millis);
  if (ms < 0) throw badValue(flag, text, 'a duration such as 30s or 1m30s');
  return ms === 0 ? fallback : ms;
}

function parseRetries(text: string): number {
  if (!/^\d{1,6}$/u.test(text)) throw badValue('--health-retries', text, 'a number of failures in a row');
  return Number(text) === 0 ? DEFAULTS.retries : Number(text);
}
