/** The Dockerfile instruction HEALTHCHECK; pure. */
import type { ImageHealthCheck } from '../../oci/health-check.ts';
import { parseSeconds } from '../container/parse-values.ts';
import { jsonListOf } from './json-list.ts';

const NANOSECONDS_PER_MS = 1e6;
const MS_PER_SECOND = 1000;

const DURATIONS: Readonly<Record<string, 'Interval' | 'Timeout' | 'StartPeriod' | 'StartInterval'>> = {
  interval: 'Interval',
  timeout: 'Timeout',
  'start-period': 'StartPeriod',
  'start-interval': 'StartInterval',
};

/** What follows the word HEALTHCHECK: `NONE`, or options and `CMD` with a command. RangeError with the remedy; USAGE_INVALID for a duration. */
export function parseHealthInstruction(rest: string): ImageHealthCheck {
  const [, options = '', kind = '', command = ''] = /^((?:--\S+\s+)*)(\S+)(?:\s+([\s\S]+))?$/u.exec(rest) ?? [];
  const words = options.split(/\s+/u).filter((word) => word !== '');
  if (/^none$/iu.test(kind) && command === '' && words.length === 0) return { Test: ['NONE'] };
  if (!/^cmd$/iu.test(kind) || command === '')
    throw new RangeError('give NONE alone, or CMD and a command, with options such as --interval=30s before CMD');
  const list = jsonListOf(command);
  if (list?.length === 0) throw new RangeError('give a command after CMD');
  const test = list === undefined ? ['CMD-SHELL', command] : ['CMD', ...list];
  return words.map(optionOf).reduce<ImageHealthCheck>((check, option) => ({ ...check, ...option }), { Test: test });
}

function optionOf(word: string): Partial<ImageHealthCheck> {
  const [, name = '', value = ''] = /^--([a-z-]+)=(.+)$/u.exec(word) ?? [];
  const field = DURATIONS[name];
  if (field !== undefined) return { [field]: durationOf(`HEALTHCHECK --${name}`, value) };
  if (name === 'retries' && /^\d{1,6}$/u.test(value)) return { Retries: Number(value) };
  const known = [...Object.keys(DURATIONS), 'retries'].map((each) => `--${each}=`);
  throw new RangeError(`use ${known.join(', ')} with a value instead of "${word}"`);
}

/** Nanoseconds. */
function durationOf(flag: string, text: string): number {
  const millis = /^(\d+)ms$/u.exec(text)?.[1];
  const ms = millis === undefined ? parseSeconds(flag, text) * MS_PER_SECOND : Number(millis);
  if (ms < 0) throw new RangeError(`give a duration such as 30s instead of "${text}"`);
  return ms * NANOSECONDS_PER_MS;
}
