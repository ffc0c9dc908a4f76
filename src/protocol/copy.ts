/** What `hutch cp` and its two programs, send and receive, say to each other; types only. */

/** Data goes through 1 (send) and 0 (receive), messages through 3; 4 is the store for a stopped container, into which send is chrooted. */
export type CopyResultFd = 3;
export type CopyStoreFd = 4;

/** Which files a path is about. */
export type CopyPlace =
  | { readonly kind: 'host' }
  /** Joined by its mount namespace: links lead nowhere outside of it. */
  | { readonly kind: 'running'; readonly pid: number; readonly startTime: string }
  /** Directories of the store, top first, that make up its root. */
  | { readonly kind: 'stopped'; readonly directories: readonly string[] }
  /** The root of a container that does not run, mounted for this program alone. */
  | { readonly kind: 'mounted'; readonly root: string };

/** The one argument of send, as JSON. */
export interface SendRequest {
  readonly from: CopyPlace;
  /** Absolute. */
  readonly path: string;
  /** The path was written as one of a directory. */
  readonly needsDirectory: boolean;
  /** What the path leads to instead of a symbolic link itself. */
  readonly follow: boolean;
  /** Name of the topmost entry; null to send what is in the directory, as `.`. */
  readonly name: string | null;
}

/** The one argument of receive, as JSON. */
export interface ReceiveRequest {
  readonly to: Exclude<CopyPlace, { readonly kind: 'stopped' }>;
  /** Absolute. */
  readonly path: string;
  /** The path was written as one of a directory. */
  readonly needsDirectory: boolean;
  /** The name that send was given; undefined for an archive of the user's own, which goes into a directory that is there. */
  readonly source?: { readonly name: string | null };
  /** Owners as in the archive; else all belongs to root of the user namespace. */
  readonly keepOwners: boolean;
}

export interface CopyFailure {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
  readonly entry: string | null;
}

export type CopyMessage =
  /** `leftOut` counts sockets and device nodes, `squashedIds` entries given to nobody. */
  | { readonly event: 'copy_done'; readonly entries: number; readonly leftOut: number; readonly squashedIds: number }
  | { readonly event: 'copy_failed'; readonly error: CopyFailure };
