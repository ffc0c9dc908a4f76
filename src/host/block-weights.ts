/** Whether weights of block I/O mean anything on this host; reads only. Sources: cgroup-v2.rst (io.cost.qos), bfq-iosched.rst. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readText } from './probe/read-text.ts';

/** True when bfq schedules some block device, or iocost is on for one: only these two heed weights, and only root turns them on. */
export function hasBlockWeights(root = '/'): boolean {
  const costs = readText(join(root, 'sys/fs/cgroup/io.cost.qos')) ?? '';
  return /\benable=1\b/u.test(costs) || devicesOf(root).some((name) => schedulerOf(root, name).includes('[bfq]'));
}

function schedulerOf(root: string, device: string): string {
  return readText(join(root, 'sys/block', device, 'queue/scheduler')) ?? '';
}

function devicesOf(root: string): string[] {
  try {
    return readdirSync(join(root, 'sys/block'));
  } catch {
    return [];
  }
}
