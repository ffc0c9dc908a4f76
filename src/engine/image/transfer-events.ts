/** What a pull or push tells while it works; types only. */
import type { Digest } from '../../oci/image.ts';

/** How far a layer is; a push uploads, or finds it `present` in the registry. `there`, `present` and `done` are ends. */
export type LayerPhase =
  'waiting' | 'downloading' | 'downloaded' | 'unpacking' | 'uploading' | 'done' | 'there' | 'present';

export type TransferEvent =
  /** These are to be moved, lowest layer first, each digest once: the layers of a pull, all blobs of a push. */
  | {
      readonly event: 'transfer_layers';
      readonly direction: 'pull' | 'push';
      readonly name: string;
      readonly layers: readonly LayerToTransfer[];
    }
  /** Of downloading, `doneBytes` are on disk; of unpacking, so much of the blob was taken. */
  | {
      readonly event: 'transfer_layer';
      readonly digest: Digest;
      readonly phase: LayerPhase;
      readonly doneBytes: number;
    }
  /** What a user who wants to know of progress may want to know, too. */
  | { readonly event: 'transfer_note'; readonly text: string }
  | { readonly event: 'transfer_warning'; readonly text: string };

export interface LayerToTransfer {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** Who listens to a pull or push, and ends it. */
export interface TransferEars {
  /** When it is aborted, the transfer ends with its reason; what has arrived stays for the next one. */
  readonly signal: AbortSignal;
  readonly hear: (event: TransferEvent) => void;
}
