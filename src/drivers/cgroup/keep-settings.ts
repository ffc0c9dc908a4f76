/** Remembering what the files of a cgroup say, so that a change that fails half-way can be taken back; on the host's side. */
import { join } from 'node:path';
import { errnoOf } from '../../errors/hutch-error.ts';
import type { CgroupSetting } from '../../oci/cgroup-settings.ts';
import { textIfThere, writeValue } from './subtree.ts';

/** Returns what puts the values of now back, the last one first. */
export function keepSettings(directory: string, settings: readonly CgroupSetting[]): () => void {
  const kept = settings.map((setting) => ({ path: join(directory, setting.file), value: valueOf(directory, setting) }));
  return () => {
    for (const { path, value } of kept.toReversed()) if (value !== null) putBack(path, value);
  };
}

/** A device without limits has no line in io.max. */
function valueOf(directory: string, { file, value }: CgroupSetting): string | null {
  const text = textIfThere(join(directory, file))?.trim() ?? null;
  if (text === null || !file.startsWith('io.')) return text;
  const [device = ''] = value.split(' ');
  const line = text.split('\n').find((one) => one.startsWith(`${device} `));
  if (file.endsWith('.weight')) return line ?? `${device} default`;
  return line ?? `${device} rbps=max wbps=max riops=max wiops=max`;
}

function putBack(path: string, value: string): void {
  try {
    writeValue(path, value);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
}
