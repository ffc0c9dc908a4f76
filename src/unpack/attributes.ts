/** Which extended attributes of an archive are kept; unpack program. */

/** Attributes by which overlay file systems steer themselves: an image must not speak to them. */
const DRIVERS_OWN = ['user.overlay.', 'user.fuseoverlayfs.', 'user.containers.', 'user.hutch.'];

/** File capabilities, ACLs, and what users put there; trusted.* and security.* belong to the host. */
export function isKept(name: string): boolean {
  if (['security.capability', 'system.posix_acl_access', 'system.posix_acl_default'].includes(name)) return true;
  return name.startsWith('user.') && !name.includes('\0') && !DRIVERS_OWN.some((prefix) => name.startsWith(prefix));
}

/** The attribute that makes a directory hide those below it. Source: kernel Documentation/filesystems/overlayfs.rst, userxattr. */
export const OPAQUE = { name: 'user.overlay.opaque', value: Buffer.from('y') } as const;
