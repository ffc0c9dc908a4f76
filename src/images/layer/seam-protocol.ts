/** What the engine and the make-seam program say to each other; types only, so that neither loads the other's code. */
import type { UnpackFailure } from './unpack-protocol.ts';

/** Loose ends come in at 0, the answer goes out at 3; 4 is the store, into which the program is chrooted. */
export type SeamResultFd = 3;
export type SeamStoreFd = 4;

/** The one argument of the make-seam program, as JSON. Paths begin with `/`, which is the store. */
export interface SeamRequest {
  /** The tree of the layer. */
  readonly layer: string;
  /** What lies below it, top first. */
  readonly below: readonly string[];
  /** The seam: made, and there only when it is whole. */
  readonly into: string;
}

export type SeamMessage =
  { readonly event: 'seam_failed'; readonly error: UnpackFailure } | { readonly event: 'seam_done' };
