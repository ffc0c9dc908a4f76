/** What a pull tells while it works; types only. */
import type { Digest } from '../../oci/image.ts';

/** How far a layer is; a push uploads, or finds it `present` in the registry. `there`, `present` and `done` are ends. */
export type LayerPhase =
  'waiting' | 'downloading' | 'downloaded' | 'unpacking' | 'uploading' | 'done' | 'there' | 'present';

export type PullEvent =
  /** The image has these layers, lowest first; each digest once. */
  | { readonly event: 'pull_layers'; readonly name: string; readonly layers: readonly LayerToPull[] }
  /** Of downloading, `doneBytes` are on disk; of unpacking, so much of the blob was taken. */
  | {
      readonly event: 'pull_layer';
      readonly digest: Digest;
      readonly phase: LayerPhase;
      readonly doneBytes: number;
    }
  | { readonly event: 'pull_warning'; readonly text: string };

export interface LayerToPull {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** Who listens to a pull, and ends it. */
export interface PullEars {
  /** When it is aborted, the pull ends with its reason; what was downloaded stays for the next one. */
  readonly signal: AbortSignal;
  readonly hear: (event: PullEvent) => void;
}
