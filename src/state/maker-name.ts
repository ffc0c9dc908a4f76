/** Names of half-made things that say who makes them, so that anybody can tell when the maker is dead; on the host's side. */
import { randomBytes } from 'node:crypto';
import { HutchError } from '../errors/hutch-error.ts';
import { bootId, identifyProcess, isAlive } from '../host/process-identity.ts';

/** A new name for something of `kind` (letters only) that this process makes. */
export function makerName(kind: string): string {
  const self = identifyProcess(process.pid);
  if (self === undefined)
    throw new HutchError('/proc does not show this process', { code: 'HOST_FEATURE_MISSING', hint: 'mount /proc' });
  return [kind, self.pid, self.startTime, self.bootId, randomBytes(4).toString('hex')].join('_');
}

/** True when the process that has made `name` is dead; undefined for other names. */
export function isMakerDead(name: string): boolean | undefined {
  const [, pid, startTime, madeInBoot, random] = name.split('_');
  if (pid === undefined || startTime === undefined || madeInBoot === undefined || random === undefined)
    return undefined;
  return madeInBoot !== bootId() || !isAlive({ bootId: madeInBoot, pid: Number(pid), startTime });
}
