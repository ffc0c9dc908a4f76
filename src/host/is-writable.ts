/** What the caller may write to. */
import { accessSync, constants } from 'node:fs';

/** True when the calling user may write to `path`; false too where there is none. Source: access(2). */
export function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
