/** What the engine and the pack program say to each other; types only, so that neither loads the other's code. */
import type { UnpackFailure } from './unpack-protocol.ts';

/** The descriptors of the pack program: data goes out at 1, messages at 3; 4 is the store, into which it is chrooted. */
export type PackResultFd = 3;
export type PackStoreFd = 4;

/** What hutch itself has made in a container of the image `host`: no change as such. */
export type OwnEntry =
  /** What the container has written there lies in `upper` instead, above `lower`, where these are given. */
  | { readonly kind: 'directory'; readonly upper?: string; readonly lower?: readonly string[] }
  | { readonly kind: 'link'; readonly to: string };

/** A container's tree; paths begin with `/`, which is the store, unless there is a `directory`. */
export interface ContainerTree {
  /**
   * Of the image `host`: the container's directory, as a path from the store, which those above `lower` begin with. The layers below are the host's
   * own directories then, and `/` is the host's.
   */
  readonly directory?: string;
  /** By path in the container. */
  readonly own?: Readonly<Record<string, OwnEntry>>;
  /** What the container has written. */
  readonly upper: string;
  /** Its image's layers, top layer first. */
  readonly lower: readonly string[];
  /** True when `upper` is a changed copy of all layers (storage driver vfs) instead of the changes alone. */
  readonly isWholeCopy: boolean;
  /** The container runs, and may change `upper` at any moment in any way. */
  readonly isLive: boolean;
  /** Paths in the container that hutch has mounted over: what lies below them is no change. */
  readonly mounted: readonly string[];
}

/** The one argument of the pack program, as JSON. `changes` gives lines of JSON, the others a tar archive. */
export interface PackRequest extends ContainerTree {
  readonly output: 'changes' | 'layer' | 'tree';
  /**
   * True where one id only is mapped: then attributes tell whom files belong to. With more ids they would let any user of a container
   * forge files of root's.
   */
  readonly hasKeptOwners: boolean;
}

export type ChangeKind = 'added' | 'changed' | 'deleted';

/** A line of `changes`: the path as bytes in a latin1 string. */
export interface PackedChange {
  readonly kind: ChangeKind;
  readonly path: string;
}

export interface Packed {
  readonly entries: number;
  /** Sockets and device nodes. */
  readonly leftOut: number;
}

export type PackMessage =
  | { readonly event: 'pack_failed'; readonly error: UnpackFailure }
  | { readonly event: 'pack_done'; readonly packed: Packed };
