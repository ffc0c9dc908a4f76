/** The names that rootfs drivers use in a container's directory; pure. */
import { join } from 'node:path';
import type { RootfsRequest } from './driver.ts';

/** Where the root is mounted: an empty directory, the same for every driver. */
export function mountPoint(directory: string): string {
  return join(directory, 'root');
}

/** What the container has written: removed with it. */
export function upperDirectory(directory: string): string {
  return join(directory, 'upper');
}

export function workDirectory(directory: string): string {
  return join(directory, 'work');
}

/**
 * Short links to the layers, `l/0` being the top one, and to the skeleton below them where there is one: overlay options must fit into one page, and the container can read
 * them in /proc/self/mountinfo. Paths are relative to the container's directory.
 */
export function layerLinks({
  layers,
  skeleton,
}: Pick<RootfsRequest, 'layers' | 'skeleton'>): { readonly path: string; readonly to: string }[] {
  return [...layers, ...(skeleton === undefined ? [] : [skeleton])].map((to, index) => ({
    path: `l/${String(index)}`,
    to,
  }));
}
