/** `--tz`: a zone file of the host at /etc/localtime of the container; reads the host's files. */
import { closeSync, existsSync, openSync, readSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { HutchError } from '../../errors/hutch-error.ts';
import { HUTCH_ANNOTATIONS, type SpecMount } from '../../oci/runtime-spec.ts';

const ZONES = '/usr/share/zoneinfo';
const LOCAL = '/etc/localtime';
/** Which all zone files begin with. Source: tzfile(5). */
const MAGIC = 'TZif';

/** The mount for the name of a zone, or for `local`, the host's own. USAGE_INVALID for one that the host does not know. */
export function zoneMount(zone: string): SpecMount {
  return {
    destination: LOCAL,
    type: 'bind',
    source: zone === 'local' ? localZone() : namedZone(zone),
    options: ['bind', 'ro', 'nosuid', 'nodev', 'create=file'],
  };
}

/** By which `inspect` knows it from a volume. */
export function zoneAnnotation(zone: string): Readonly<Record<string, string>> {
  return { [HUTCH_ANNOTATIONS.timeZone]: zone };
}

function localZone(): string {
  if (isZone(LOCAL)) return realpathSync(LOCAL);
  throw unknown('local', `this host has no ${LOCAL}`, 'leave it out: UTC is what its clock shows then');
}

function namedZone(zone: string): string {
  const path = join(ZONES, zone);
  if (/^[A-Za-z0-9][\w+-]*(?:\/[A-Za-z0-9][\w+-]*)*$/u.test(zone) && isZone(path)) return realpathSync(path);
  if (!existsSync(ZONES)) throw unknown(zone, `this host has no ${ZONES}`, 'ask an admin for the package tzdata');
  throw unknown(zone, 'there is no such zone', `use a name below ${ZONES}, such as Europe/Berlin, or local`);
}

function unknown(zone: string, reason: string, hint: string): HutchError {
  return new HutchError(`unknown time zone "${zone}" for --tz: ${reason}`, {
    code: 'USAGE_INVALID',
    hint,
    context: { zone },
  });
}

function isZone(path: string): boolean {
  try {
    const file = openSync(path, 'r');
    const begin = Buffer.alloc(MAGIC.length);
    try {
      return readSync(file, begin) === begin.length && begin.toString() === MAGIC;
    } finally {
      closeSync(file);
    }
  } catch {
    return false;
  }
}
