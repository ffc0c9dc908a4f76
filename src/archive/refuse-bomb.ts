/** The end of archives that are small only as long as they are compressed; pure. */
import { invalidArchive } from './failure.ts';

export interface GrowthLimits {
  /** Unpacked bytes for each compressed one; counts only above `ratioFromBytes` unpacked ones. */
  readonly ratio: number;
  readonly ratioFromBytes: number;
}

/** ARCHIVE_INVALID when an archive has grown beyond the limits. */
export function refuseBomb(plainBytes: number, compressedBytes: number, limits: GrowthLimits): void {
  if (plainBytes < limits.ratioFromBytes || plainBytes < compressedBytes * limits.ratio) return;
  throw invalidArchive(
    `grows to more than ${String(limits.ratio)} times its size when decompressed`,
    undefined,
    'do not trust where it came from; give it uncompressed if it really is so large',
  );
}
