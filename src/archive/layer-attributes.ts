/** Which extended attributes belong into layers, and the marks by which overlays hide what lies below; pure. */

/** Attributes by which overlay file systems steer themselves: an image must not speak to them. */
const DRIVERS_OWN = ['user.overlay.', 'user.fuseoverlayfs.', 'user.containers.', 'user.hutch.'];

/** File capabilities, ACLs, and what users put there; trusted.* and security.* belong to the host. */
export function isKept(name: string): boolean {
  if (['security.capability', 'system.posix_acl_access', 'system.posix_acl_default'].includes(name)) return true;
  return name.startsWith('user.') && !name.includes('\0') && !DRIVERS_OWN.some((prefix) => name.startsWith(prefix));
}

/** The attribute that makes a directory hide those below it. Source: kernel Documentation/filesystems/overlayfs.rst, userxattr. */
export const OPAQUE = { name: 'user.overlay.opaque', value: Buffer.from('y') } as const;

/** Attributes that say of a directory of a container that it hides those below: the kernel's overlayfs and fuse-overlayfs. */
export const OPAQUE_NAMES = [OPAQUE.name, 'user.fuseoverlayfs.opaque'] as const;

/** How layers and fuse-overlayfs call a file that hides another. Source: OCI image-spec, layer.md. */
export const WHITEOUT_PREFIX = '.wh.';
export const OPAQUE_WHITEOUT = '.wh..wh..opq';
