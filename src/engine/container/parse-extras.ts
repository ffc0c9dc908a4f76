/** What flags add to a spec that few use; looks at the host's files. Loaded for those alone who use one. */
import { readFileSync } from 'node:fs';
import { HutchError } from '../../errors/hutch-error.ts';
import type { Store } from '../../state/store.ts';
import type { SpecExtras } from './build-spec.ts';
import { parseAnnotations } from './parse-annotations.ts';
import { parseMount } from './parse-mount.ts';
import { badValue } from './parse-values.ts';
import type { RunRequest } from './run-request.ts';
import { zoneAnnotation, zoneMount } from './time-zone.ts';

/** USAGE_INVALID or VOLUME_INVALID, with the value at fault. */
export function parseExtras(request: RunRequest, store: Store): SpecExtras {
  const { mounts = [], annotations = [], timeZone, domainname, oomScoreAdj } = request;
  return {
    mounts: [
      ...mounts.map((text) => parseMount(text, store)),
      ...(timeZone === undefined ? [] : [zoneMount(timeZone)]),
    ],
    annotations: {
      ...parseAnnotations(annotations),
      ...(timeZone === undefined ? {} : zoneAnnotation(timeZone)),
    },
    ...(domainname === undefined ? {} : { domain: { domainname: parseDomain(domainname, request) } }),
    ...(oomScoreAdj === undefined ? {} : { process: { oomScoreAdj: parseOomScore(oomScoreAdj) } }),
  };
}

/** Bytes of a name in the uts namespace. Source: __NEW_UTS_LEN in linux/utsname.h. */
const MOST_NAME_BYTES = 64;

export function parseDomain(name: string, { uts }: Pick<RunRequest, 'uts'>): string {
  if (uts === 'host')
    throw badValue('--domainname', name, 'a uts namespace of its own with it: leave out --uts=host or this flag');
  if (/^[a-zA-Z0-9]([a-zA-Z0-9._-]*[a-zA-Z0-9])?$/u.test(name) && name.length <= MOST_NAME_BYTES) return name;
  throw badValue('--domainname', name, 'letters, digits, "-", "_" and ".", at most 64');
}

/** USAGE_INVALID, and LIMIT_UNAVAILABLE for one that only root could give. `own`: that of this process. */
export function parseOomScore(text: string, own = ownOomScore()): number {
  const score = /^-?\d{1,4}$/u.test(text) ? Number(text) : Number.NaN;
  if (!(Math.abs(score) <= 1000)) throw badValue('--oom-score-adj', text, 'a whole number from -1000 to 1000');
  if (score >= own) return score;
  throw new HutchError(
    `--oom-score-adj ${text} cannot be had by an ordinary user: only root may go below what a process was given, which is ${String(own)} here`,
    {
      code: 'LIMIT_UNAVAILABLE',
      hint: `use a number from ${String(own)} to 1000; the higher, the sooner the kernel ends it`,
      context: { value: text, own },
    },
  );
}

function ownOomScore(): number {
  return Number(readFileSync('/proc/self/oom_score_adj', 'utf8'));
}
