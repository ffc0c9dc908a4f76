/** Names in archives: made plain, or refused; unpack program. */
import type { UnpackLimits } from '../images/layer/unpack-protocol.ts';
import { invalidArchive } from '../archive/failure.ts';

/**
 * `name` without leading slashes, `.` and empty parts; `''` is the root of the layer.
 * ARCHIVE_INVALID for `..`, NUL, and what is too long or too deep.
 */
export function cleanName(name: string, limits: Pick<UnpackLimits, 'pathBytes' | 'pathDepth'>): string {
  if (name.length > limits.pathBytes)
    throw invalidArchive(`has a name of more than ${String(limits.pathBytes)} bytes`, name);
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw invalidArchive('climbs out of its root file system with ".."', name, REMOVE_IT);
  if (name.includes('\0')) throw invalidArchive('has a NUL in its name', name, REMOVE_IT);
  if (parts.length > limits.pathDepth)
    throw invalidArchive(`lies deeper than ${String(limits.pathDepth)} directories`, name);
  return parts.join('/');
}

const REMOVE_IT = 'remove that entry from the archive; do not trust where it came from';

/** `name` as a path for Node's file functions inside the chroot: bytes where it is not plain ASCII. */
export function pathOf(name: string): string | Buffer {
  // eslint-disable-next-line no-control-regex -- everything that is one byte in UTF-8
  return /^[\u0000-\u007f]*$/u.test(name) ? `/${name}` : Buffer.from(`/${name}`, 'latin1');
}

/** The directory that `name` lies in; `''` is the root. */
export function parentOf(name: string): string {
  return name.slice(0, Math.max(name.lastIndexOf('/'), 0));
}

/** The last part of `name`. */
export function baseOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

/** `base` in the directory `parent`. */
export function joinName(parent: string, base: string): string {
  return parent === '' ? base : `${parent}/${base}`;
}

/** What a whiteout entry asks for: hide one name of the layers below, or all names of a directory; or nothing. */
export type Whiteout =
  | { readonly kind: 'name'; readonly hidden: string }
  | { readonly kind: 'opaque'; readonly directory: string }
  | { readonly kind: 'aufs' };

/**
 * The whiteout that `name` stands for; undefined for ordinary names. ARCHIVE_INVALID for one of `.`, `..` or nothing.
 * Source: OCI image-spec, layer.md.
 */
export function whiteoutOf(name: string): Whiteout | undefined {
  if (!name.includes('.wh.')) return undefined;
  const parts = name.split('/');
  const last = parts.pop() ?? '';
  const directory = parts.join('/');
  if (last === '.wh..wh..opq') return { kind: 'opaque', directory };
  // aufs kept notes of its own under such names; they mean nothing here.
  if ([last, ...parts].some((part) => part.startsWith('.wh..wh.'))) return { kind: 'aufs' };
  if (!last.startsWith('.wh.')) return undefined;
  if (['.wh.', '.wh..', '.wh...'].includes(last)) throw invalidArchive('hides no name that can be', name, REMOVE_IT);
  return { kind: 'name', hidden: [...parts, last.slice(4)].join('/') };
}
