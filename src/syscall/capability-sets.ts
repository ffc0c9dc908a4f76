/** The arguments of capset(2), for a call of this process and one that a child is to make. */
import { LINUX_CAPABILITY_VERSION_3 } from '../linux/flags.ts';

/** Header and data of capset(2) for the calling process, from masks of capability bits. Source: capset(2), linux/capability.h. */
export function capabilitySets(effective: bigint, permitted: bigint, inheritable: bigint): readonly [Buffer, Buffer] {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(LINUX_CAPABILITY_VERSION_3, 0);
  const data = Buffer.alloc(24);
  [effective, permitted, inheritable].forEach((mask, index) => {
    data.writeUInt32LE(Number(mask & 0xffff_ffffn), index * 4);
    data.writeUInt32LE(Number(mask >> 32n), 12 + index * 4);
  });
  return [header, data];
}
