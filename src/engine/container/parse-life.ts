/** The flags that say how long a container lives and what is kept of its output; pure. */
import type { LogSettings, RestartPolicy } from '../../state/container-record.ts';
import { HutchError } from '../../errors/hutch-error.ts';
import { DETAIL_KEYS, parseDetails } from './log-details.ts';
import { badValue, parsePair, parseSize } from './parse-values.ts';
import type { RunRequest } from './run-request.ts';

/** As docker: `no`, `always`, `unless-stopped`, `on-failure[:LIMIT]`. */
export function parseRestart({ restart, remove }: Pick<RunRequest, 'restart' | 'remove'>): RestartPolicy {
  const match = /^(no|always|unless-stopped|on-failure)(?::(\d+))?$/u.exec(restart ?? 'no');
  const [, name, limit] = match ?? [];
  if (name === undefined || (limit !== undefined && name !== 'on-failure'))
    throw badValue('--restart', restart ?? '', 'no, always, unless-stopped, on-failure or on-failure:N');
  if (name !== 'no' && remove) {
    throw new HutchError('--rm and --restart contradict each other', {
      code: 'USAGE_INVALID',
      hint: 'leave one of them out',
    });
  }
  return { name: name as RestartPolicy['name'], limit: limit === undefined || limit === '0' ? null : Number(limit) };
}

/** Whole seconds, at least `least`. */
export function parseWholeSeconds(flag: string, text: string, least: number): number {
  const seconds = /^-?\d{1,9}$/u.test(text) ? Number(text) : Number.NaN;
  if (!(seconds >= least)) throw badValue(flag, text, `whole seconds, ${String(least)} or more`);
  return seconds;
}

function parseFileCount(text: string): number {
  if (!/^[1-9]\d{0,5}$/u.test(text)) throw badValue('--log-opt max-file', text, 'a number of files, 1 or more');
  return Number(text);
}

/** Drivers of others that keep a file of lines. */
const FILE_DRIVERS = ['file', 'k8s-file', 'json-file', 'local'];

const LOG_OPTIONS: readonly string[] = ['max-size', 'max-file', ...DETAIL_KEYS];

export function parseLog({
  logDriver = 'file',
  logOptions,
}: Pick<RunRequest, 'logDriver' | 'logOptions'>): LogSettings {
  if (logDriver !== 'none' && !FILE_DRIVERS.includes(logDriver))
    throw badValue('--log-driver', logDriver, `none or file (${FILE_DRIVERS.slice(1).join(', ')} mean the same)`);
  const options = new Map(logOptions.map((text) => parsePair('--log-opt', text)));
  const unknown = [...options.keys()].find((key) => !LOG_OPTIONS.includes(key));
  if (unknown !== undefined)
    throw badValue(
      '--log-opt',
      unknown,
      'max-size=10m, max-file=3, labels=KEY,…, env=NAME,…, labels-regex or env-regex',
    );
  const details = parseDetails(options);
  const size = options.get('max-size');
  const files = options.get('max-file');
  return {
    driver: logDriver === 'none' ? 'none' : 'file',
    maxSizeBytes: size === undefined || size === '-1' ? null : parseSize('--log-opt max-size', size),
    maxFiles: files === undefined ? 1 : parseFileCount(files),
    ...(Object.keys(details).length === 0 ? {} : { details }),
  };
}
