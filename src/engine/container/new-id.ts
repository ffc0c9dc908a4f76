/** Ids of new containers; on the host's side. */
import { closeSync, openSync, readSync } from 'node:fs';

/**
 * 64 hexadecimal digits from the kernel's generator. Read directly, as loading node:crypto for it takes as long as everything
 * else that is done before a container starts. Source: random(4).
 */
export function newContainerId(): string {
  const bytes = Buffer.alloc(32);
  const fd = openSync('/dev/urandom', 'r');
  try {
    readSync(fd, bytes);
  } finally {
    closeSync(fd);
  }
  return bytes.toString('hex');
}
