/** How the root file system is put together; pure. */
import type { RootfsSource } from '../../oci/rootfs-source.ts';
import type { Step, Why } from '../step.ts';

/** The steps that mount the root at a host path of the container's own and open it. */
export function compileRootfs(rootfs: RootfsSource): Step[] {
  return [...mountRoot(rootfs), openRoot(rootfs.at), ...insideRoot(rootfs)];
}

function mountRoot(rootfs: RootfsSource): Step[] {
  switch (rootfs.kind) {
    case 'overlay': {
      const { from, lower, upper, work, options, at } = rootfs;
      const why = fromRoot('the layers of the image below, what the container writes above');
      return [{ kind: 'mount_overlay', from, lower, upper, work, options, at, why }];
    }
    case 'directory':
      return [bindRoot(rootfs, 'pivot_root wants a mount; this is a copy of the image of its own')];
    case 'host':
      return [bindRoot(rootfs, 'a throw-away root; the directories of the host go into it one by one')];
    case 'helper':
      // A mount that came from an outer user namespace is locked, and pivot_root refuses it; a bind of it is not.
      return [
        bindRoot({ source: rootfs.at, at: rootfs.at }, 'what the helper has mounted, as a mount of this namespace'),
      ];
  }
}

function bindRoot({ source, at }: { readonly source: string; readonly at: string }, reason: string): Step {
  return { kind: 'bind_root', source, at, why: fromRoot(reason) };
}

function openRoot(at: string): Step {
  return {
    kind: 'open_root',
    at,
    why: fromRoot('every later target is resolved beneath this descriptor, whatever links the image has'),
  };
}

function insideRoot(rootfs: RootfsSource): Step[] {
  if (rootfs.kind === 'host') return [...hostDirectories(rootfs), ...ownDirectories()];
  return rootfs.kind === 'helper' && rootfs.hide !== null ? [...hidden(rootfs.hide), ...ownDirectories()] : [];
}

/** What programs expect at the top of a root and the image `host` leaves out: modes by path. */
const OWN_DIRECTORIES: Readonly<Record<string, number>> = {
  '/home': 0o755,
  '/root': 0o700,
  '/run': 0o755,
  '/tmp': 0o1777,
};

function ownDirectories(): Step[] {
  const why = fromRoot('an empty directory in place of the one of the host');
  return Object.entries(OWN_DIRECTORIES).map(([target, mode]): Step => ({ kind: 'make_directory', target, mode, why }));
}

function hidden({
  directories,
  files,
}: {
  readonly directories: readonly string[];
  readonly files: readonly string[];
}): Step[] {
  const why = fromRoot('something of the host that is left out of the image');
  return [
    ...directories.map((target): Step => {
      const mode = (OWN_DIRECTORIES[target] ?? 0o755).toString(8);
      return { kind: 'mount', type: 'tmpfs', target, options: { mode }, attributes: ['nosuid', 'nodev'], why };
    }),
    // Not `mask`, which comes after every mount: a volume may be put in such a place.
    ...files.map((target): Step => ({
      kind: 'bind',
      source: '/dev/null',
      target,
      recursive: false,
      attributes: ['nosuid', 'noexec'],
      create: 'file',
      why,
    })),
  ];
}

function hostDirectories(rootfs: Extract<RootfsSource, { kind: 'host' }>): Step[] {
  const overlays = rootfs.overlays.map(({ lower, upper, work, options }): Step => ({
    kind: 'overlay_host_directory',
    from: rootfs.from,
    lower,
    upper,
    work,
    options,
    target: lower,
    why: fromRoot("the host's directory, read-only below a throw-away layer"),
  }));
  const binds = rootfs.binds.map((source): Step => ({
    kind: 'bind',
    source,
    target: source,
    recursive: true,
    attributes: ['ro', 'nosuid', 'nodev'],
    create: 'directory',
    why: fromRoot('other file systems are mounted below it, which an overlay cannot take in: read-only'),
  }));
  const links = Object.entries(rootfs.links).map(([target, to]): Step => ({
    kind: 'make_symlink',
    target,
    to,
    why: fromRoot('a link, as on the host'),
  }));
  return [...overlays, ...binds, ...links];
}

function fromRoot(text: string): Why {
  return { spec: 'root.path', text };
}
