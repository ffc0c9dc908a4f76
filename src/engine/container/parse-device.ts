/** --device PATH[:PATH-INSIDE[:rwm]]: which device nodes of the host are bound; on the host's side, reads only. */
import { accessSync, constants, statSync, type Stats } from 'node:fs';
import { HutchError } from '../../errors/hutch-error.ts';
import { badValue, parseContainerPath } from './parse-values.ts';

interface Device {
  readonly path: string;
  readonly hostPath: string;
}

const FORM = 'PATH, PATH:PATH-INSIDE or PATH:PATH-INSIDE:rw, such as /dev/fuse';

/**
 * The nodes to bind. USAGE_INVALID for what is no device; LIMIT_UNAVAILABLE for one that the user may not open, and for rights less than the
 * user's own: only a device program, which root loads, could take them away.
 */
export function parseDevices(texts: readonly string[]): Device[] {
  return texts.map(parseDevice);
}

function parseDevice(text: string): Device {
  const [hostPath = '', second, third] = text.split(':');
  const isRights = third === undefined && second !== undefined && /^[rwm]+$/u.test(second);
  const rights = isRights ? second : (third ?? 'rwm');
  const inside = isRights || second === undefined ? hostPath : second;
  if (!hostPath.startsWith('/') || !/^[rwm]+$/u.test(rights) || text.split(':').length > 3)
    throw badValue('--device', text, FORM);
  requireDevice(text, hostPath);
  requireRights(text, hostPath, rights);
  const path = parseContainerPath('--device', inside);
  if (!path.startsWith('/dev/')) throw badValue('--device', text, 'a place below /dev in the container');
  return { path, hostPath };
}

function requireDevice(text: string, path: string): void {
  const stats = statIfThere(path);
  if (stats === undefined) throw badValue('--device', text, 'a device that is there; see ls -l /dev');
  if (!stats.isCharacterDevice() && !stats.isBlockDevice())
    throw badValue('--device', text, 'a device node; files and directories are bound by -v');
}

function statIfThere(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function requireRights(text: string, path: string, rights: string): void {
  const [reads, writes] = [rights.includes('r'), rights.includes('w')];
  if (!may(path, (reads ? constants.R_OK : 0) | (writes ? constants.W_OK : 0)))
    throw new HutchError(`--device ${text}: you may not open ${path} yourself, and neither may a container of yours`, {
      code: 'LIMIT_UNAVAILABLE',
      hint: 'ask an admin for the group that owns the device (ls -l), and log in again',
      context: { path },
    });
  if (reads && !writes && may(path, constants.W_OK)) throw tooFew(text, path, 'read');
  if (writes && !reads && may(path, constants.R_OK)) throw tooFew(text, path, 'written to');
}

function may(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

function tooFew(text: string, path: string, verb: string): HutchError {
  return new HutchError(`--device ${text}: that ${path} may only be ${verb} cannot be held up by an ordinary user`, {
    code: 'LIMIT_UNAVAILABLE',
    hint: `a device that is bound can be used as you can use it yourself: give ${path} without rights`,
    context: { path },
  });
}
