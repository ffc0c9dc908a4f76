/** How patient hutch is with registries, and how much it takes from them; on the host's side. */

export interface Limits {
  /** Until the first byte of an answer: connecting included, sending a body not. */
  readonly answerMs: number;
  /** A body must bring `stallBytes` within every such time. */
  readonly stallMs: number;
  readonly stallBytes: number;
  /** Until a small body (manifest, token) is there in full. */
  readonly smallBodyMs: number;
  /** Times that a request is sent when the registry or the network fails. */
  readonly attempts: number;
  /** Before the second attempt; doubled for each further one. */
  readonly backoffMs: number;
  readonly longestBackoffMs: number;
  /** A Retry-After beyond this is not waited for. */
  readonly longestWaitMs: number;
}

export const LIMITS: Limits = {
  answerMs: 30_000,
  stallMs: 30_000,
  stallBytes: 1024,
  smallBodyMs: 60_000,
  attempts: 5,
  backoffMs: 500,
  longestBackoffMs: 10_000,
  longestWaitMs: 120_000,
};

/** Manifests, indexes and configurations above this are refused: nothing honest is so large. */
export const LARGEST_RECORD_BYTES = 4 << 20;
export const LARGEST_TOKEN_BYTES = 1 << 20;
/** What is read of an answer that tells of a failure. */
export const LARGEST_COMPLAINT_BYTES = 64 << 10;
export const MOST_REDIRECTS = 5;
/** Layers that are downloaded or uploaded at once. */
export const PARALLEL_TRANSFERS = 3;
