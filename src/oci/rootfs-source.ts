/** What the root of a spec is made of on this host: what a rootfs driver decides and the plan compiler turns into steps; pure data. */

export interface OverlayLayers {
  /** Top layer first. Relative paths start at the container's directory, so that they show nothing of the host. */
  readonly lower: readonly string[];
  readonly upper: string;
  readonly work: string;
  readonly options: readonly string[];
}

/** How the root file system comes to be at `at`, a host path of the container's own. */
export type RootfsSource =
  | ({ readonly kind: 'overlay'; readonly from: string; readonly at: string } & OverlayLayers)
  /** A directory that is the root already (vfs). */
  | { readonly kind: 'directory'; readonly source: string; readonly at: string }
  /** A helper program mounts it at `at` when init asks for it (fuse-overlayfs). */
  | {
      readonly kind: 'helper';
      readonly at: string;
      readonly argv: readonly [string, ...string[]];
      /** Of the host's own root: what is left out; null for an image. */
      readonly hide: { readonly directories: readonly string[]; readonly files: readonly string[] } | null;
    }
  /** The host's own root: some directories below an overlay each, some bound read-only, links as on the host. */
  | {
      readonly kind: 'host';
      readonly source: string;
      readonly from: string;
      readonly at: string;
      readonly overlays: readonly (Omit<OverlayLayers, 'lower'> & { readonly lower: string })[];
      readonly binds: readonly string[];
      readonly links: Readonly<Record<string, string>>;
    };

/** What must lie on disk before a container can start, in the order of the fields. All paths are absolute. */
export interface Preparation {
  /** Made with mode 0755 where missing, parents included. */
  readonly directories: readonly string[];
  readonly links: readonly { readonly path: string; readonly to: string }[];
  readonly files: readonly { readonly path: string; readonly content: string }[];
  /** Layers, bottom layer first, that are copied into one directory. */
  readonly copies: readonly { readonly layers: readonly string[]; readonly to: string }[];
}

export interface PreparedRootfs {
  readonly source: RootfsSource;
  readonly preparation: Preparation;
}

/** A preparation of which only some parts are given. */
export function preparation(parts: Partial<Preparation>): Preparation {
  return { directories: [], links: [], files: [], copies: [], ...parts };
}

/** Two preparations as one, the first one's parts first. */
export function joinPreparations(a: Preparation, b: Preparation): Preparation {
  return {
    directories: [...new Set([...a.directories, ...b.directories])],
    links: [...a.links, ...b.links],
    files: [...a.files, ...b.files],
    copies: [...a.copies, ...b.copies],
  };
}
