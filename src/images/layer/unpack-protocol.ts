/** What the engine and the unpack program say to each other; types only, so that neither loads the other's code. */

import type { Compression } from '../../archive/compression.ts';
import type { GrowthLimits } from '../../archive/refuse-bomb.ts';

/** The descriptors of the unpack program: the layer's bytes come in at 0, messages go out at 3, the tree grows below 4. */
export type UnpackResultFd = 3;
export type UnpackTreeFd = 4;

/** What a layer may cost before it counts as hostile. */
export interface UnpackLimits extends GrowthLimits {
  readonly entries: number;
  /** Sum of the sizes of all files, holes of sparse ones included. */
  readonly sizeBytes: number;
  readonly pathBytes: number;
  readonly pathDepth: number;
  /** One pax header, long name or sparse map. */
  readonly headerBytes: number;
  /** Names of what depends on the layers below, in memory. */
  readonly looseBytes: number;
}

/** What of a layer depends on the layers below it. Names are bytes in latin1 strings, without a leading slash. */
export interface LooseEnds {
  /** Directories without an entry of their own, made on the way to one: below, they may have an owner, a mode and a time. */
  readonly directories: readonly string[];
  /** Hard links, and the files that they lead to, which the layer does not have. */
  readonly links: readonly (readonly [name: string, target: string])[];
}

/** The one argument of the unpack program, as JSON. */
export interface UnpackRequest {
  readonly limits: UnpackLimits;
  /** True where one id only is mapped: everything belongs to root then, and other owners are kept in an attribute. */
  readonly squash: boolean;
  /** True to give what belongs to an id without a counterpart to nobody, without its set-id bits; else that is an error. */
  readonly squashUnmapped: boolean;
  /** The digest of the bytes as given, where the caller has computed it already; null to have it computed. */
  readonly digest: string | null;
}

/** A layer that was applied. */
export interface UnpackedLayer {
  /** sha256 of the uncompressed archive. */
  readonly diffId: string;
  /** sha256 and size of the bytes as given. */
  readonly digest: string;
  readonly sizeBytes: number;
  readonly compression: Compression;
  /** Bytes of the uncompressed archive. */
  readonly archiveBytes: number;
  /** Sum of the sizes of all files. */
  readonly unpackedBytes: number;
  readonly entries: number;
  /** Device nodes, which an ordinary user cannot make. */
  readonly skippedDevices: number;
  /** Extended attributes that are not kept, or that the file system does not take. */
  readonly skippedAttributes: number;
  /** Entries with an id that has no counterpart, given to nobody. */
  readonly squashedIds: number;
  /** With one id only: entries whose owner could not be kept, because their type or the file system takes no user.* attributes. */
  readonly lostOwners: number;
  /** True when its root hides everything below. */
  readonly isOpaque: boolean;
  readonly looseDirectories: number;
  readonly looseLinks: number;
}

/** Why a layer was not applied; `code` is one of hutch's error codes. */
export interface UnpackFailure {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
  readonly entry: string | null;
}

/** One line of JSON on UnpackResultFd. */
export type UnpackMessage =
  /** Bytes of the layer taken so far. */
  | { readonly event: 'unpack_progress'; readonly sizeBytes: number }
  /** Some of the loose ends; as many messages as it takes. */
  | { readonly event: 'unpack_loose'; readonly loose: LooseEnds }
  | { readonly event: 'unpack_failed'; readonly error: UnpackFailure }
  | { readonly event: 'unpack_done'; readonly layer: UnpackedLayer };
