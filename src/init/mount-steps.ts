/** How the steps that mount, bind and cover are done; in init, before the pivot. */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { MOUNT_ATTR, MS, O } from '../linux/flags.ts';
import type { MountAttribute, Step } from '../plan/step.ts';
import { SyscallError } from '../syscall/syscall-error.ts';
import type { Syscalls } from '../syscall/syscalls.ts';
import { about, rootOf, StepError, type Context } from './context.ts';
import { cloneTree, isDirectory } from './root.ts';

/** makedev(1, 3). */
const NULL_DEVICE = 0x103;

const ATTRIBUTE_FLAG: Readonly<Record<MountAttribute, number>> = {
  ro: MOUNT_ATTR.RDONLY,
  nosuid: MOUNT_ATTR.NOSUID,
  nodev: MOUNT_ATTR.NODEV,
  noexec: MOUNT_ATTR.NOEXEC,
  noatime: MOUNT_ATTR.NOATIME,
};

function attributeFlags(attributes: readonly MountAttribute[]): number {
  return attributes.reduce((flags, attribute) => flags | ATTRIBUTE_FLAG[attribute], 0);
}

export function mountOverlay(
  { syscalls }: Context,
  step: { from: string; lower: readonly string[]; upper: string; work: string; options: readonly string[] },
  at: string,
): void {
  // Relative paths keep /proc/self/mountinfo of the container free of the host's.
  process.chdir(step.from);
  const data = [
    `lowerdir=${step.lower.map(escapeOverlayPath).join(':')}`,
    `upperdir=${escapeOverlayPath(step.upper)}`,
    `workdir=${escapeOverlayPath(step.work)}`,
    ...step.options,
  ];
  syscalls.mount('overlay', at, 'overlay', 0, data.join(','));
}

/** Colons and commas part the options of overlayfs; a backslash takes their meaning away. */
function escapeOverlayPath(path: string): string {
  return path.replace(/[\\:,]/gu, '\\$&');
}

export function makeSymlink(context: Context, step: Step<'make_symlink'>): void {
  const slash = step.target.lastIndexOf('/');
  const parent = rootOf(context).openOrMake(step.target.slice(0, slash) || '/', 'directory');
  try {
    context.syscalls.symlinkat(step.to, parent, step.target.slice(slash + 1));
  } catch (error) {
    if (!(error instanceof SyscallError) || error.code !== 'EEXIST') throw error;
  } finally {
    context.syscalls.close(parent);
  }
}

export function mountFileSystem(context: Context, step: Step<'mount'>): void {
  const { syscalls } = context;
  const target = rootOf(context).openOrMake(step.target, 'directory');
  const tree = newFileSystem(syscalls, step);
  syscalls.move_mount(tree, target);
  syscalls.close(tree);
  syscalls.close(target);
}

function newFileSystem(
  syscalls: Syscalls,
  step: { type: string; options: Readonly<Record<string, string | null>>; attributes: readonly MountAttribute[] },
): number {
  const context = syscalls.fsopen(step.type);
  // What /proc/self/mountinfo names as the source.
  syscalls.fsconfig(context, 'source', step.type);
  for (const [key, value] of Object.entries(step.options)) syscalls.fsconfig(context, key, value);
  syscalls.fsconfigCreate(context);
  const tree = syscalls.fsmount(context, attributeFlags(step.attributes));
  syscalls.close(context);
  return tree;
}

export function bind(context: Context, step: Step<'bind'>): void {
  const { syscalls } = context;
  const tree = about(step.source, () => {
    const source = openSync(step.source, O.PATH | O.CLOEXEC);
    const clone = cloneTree(syscalls, source, step.recursive);
    closeSync(source);
    return clone;
  });
  about(step.target, () => {
    const change = { set: attributeFlags(step.attributes), propagation: MS.PRIVATE, recursive: step.recursive };
    syscalls.mount_setattr(tree, change);
    const target = rootOf(context).openOrMake(step.target, isDirectory(tree) ? 'directory' : 'file');
    syscalls.move_mount(tree, target);
    syscalls.close(target);
  });
  syscalls.close(tree);
}

export function mask(context: Context, path: string): void {
  const { syscalls } = context;
  const target = rootOf(context).openIfThere(path);
  if (target === undefined) return;
  if (isDirectory(target)) coverDirectory(context, target);
  else coverFile(context, target);
  syscalls.close(target);
}

/**
 * With one empty file system for all. Before Linux 6.15 open_tree(2) copies only what is mounted somewhere, so the file system goes
 * over the first directory itself, and copies of it, from there, over the others.
 */
function coverDirectory(context: Context, target: number): void {
  if (context.emptyDirectory !== undefined) {
    coverWithCopy(context.syscalls, context.emptyDirectory, target);
    return;
  }
  const tree = newFileSystem(context.syscalls, {
    type: 'tmpfs',
    options: { mode: '755', nr_inodes: '1' },
    attributes: ['ro', 'nosuid', 'nodev', 'noexec'],
  });
  context.syscalls.move_mount(tree, target);
  context.emptyDirectory = tree;
}

function coverFile(context: Context, target: number): void {
  coverWithCopy(context.syscalls, nullDevice(context), target);
}

function coverWithCopy(syscalls: Syscalls, cover: number, target: number): void {
  const tree = cloneTree(syscalls, cover, false);
  // A clone of the host's /dev would go on hearing of what is mounted there.
  syscalls.mount_setattr(tree, { set: 0, propagation: MS.PRIVATE });
  syscalls.move_mount(tree, target);
  syscalls.close(tree);
}

/** The host's /dev/null, proved to be that device: a plain file would be a cover that can be written. */
function nullDevice(context: Context): number {
  if (context.nullDevice === undefined) {
    const fd = openSync('/dev/null', O.PATH | O.CLOEXEC);
    if (fstatSync(fd).rdev !== NULL_DEVICE)
      throw new StepError({ syscall: 'open', errno: 'ENODEV', detail: '/dev/null of the host' });
    context.nullDevice = fd;
  }
  return context.nullDevice;
}

export function makeReadOnly(context: Context, path: string): void {
  const { syscalls } = context;
  const target = rootOf(context).openIfThere(path);
  if (target === undefined) return;
  const tree = cloneTree(syscalls, target, true);
  syscalls.mount_setattr(tree, { set: MOUNT_ATTR.RDONLY, recursive: true });
  syscalls.move_mount(tree, target);
  syscalls.close(tree);
  syscalls.close(target);
}
