/**
 * Finds where zstd frames begin and end, by their headers alone; pure. Node's decoder stops after one frame,
 * while chunked layers consist of many. Source: RFC 8878, section 3.
 */
import { invalidArchive } from './failure.ts';

/** A piece of the stream within one frame. Skippable frames give none. */
export interface FramePiece {
  readonly bytes: Buffer;
  readonly isFrameStart: boolean;
}

export interface FrameSplitter {
  split(chunk: Buffer): FramePiece[];
}

const FRAME_MAGIC = 0xfd2fb528;
const MAGIC_BYTES = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
const SKIPPABLE_MAGIC = 0x184d2a5;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;
const RLE_BLOCK = 1;

/** What the next bytes are: a header of known length that is read, or a body that is passed by. */
type Part =
  | { readonly kind: 'magic' | 'skip-size' | 'descriptor' | 'block-header'; readonly length: number }
  | { readonly kind: 'body'; readonly length: number; readonly then: Part };

const MAGIC: Part = { kind: 'magic', length: 4 };
const SKIP_SIZE: Part = { kind: 'skip-size', length: 4 };
const DESCRIPTOR: Part = { kind: 'descriptor', length: 1 };
const BLOCK_HEADER: Part = { kind: 'block-header', length: BLOCK_HEADER_BYTES };

export function createFrameSplitter(): FrameSplitter {
  let part: Part = MAGIC;
  let wanted = part.length;
  let value = 0;
  let hasChecksum = false;
  let isInFrame = false;
  let isStartDue = false;

  const goTo = (next: Part): void => {
    part = next.kind === 'body' && next.length === 0 ? next.then : next;
    wanted = part.length;
    value = 0;
    if (part.kind === 'magic') isInFrame = false;
  };

  const endPart = (): void => {
    switch (part.kind) {
      case 'magic':
        goTo(afterMagic(value));
        break;
      case 'skip-size':
        goTo({ kind: 'body', length: value, then: MAGIC });
        break;
      case 'descriptor':
        hasChecksum = (value & 0x04) !== 0;
        goTo({ kind: 'body', length: restOfHeader(value), then: BLOCK_HEADER });
        break;
      case 'block-header':
        goTo({ kind: 'body', length: blockBytes(value), then: afterBlock(value) });
        break;
      case 'body':
        goTo(part.then);
    }
  };

  const afterMagic = (magic: number): Part => {
    if (magic >>> 4 === SKIPPABLE_MAGIC) return SKIP_SIZE;
    if (magic !== FRAME_MAGIC) throw invalidArchive('has something else than zstd data in its zstd stream');
    isInFrame = true;
    isStartDue = true;
    return DESCRIPTOR;
  };

  const afterBlock = (header: number): Part => {
    const isLast = (header & 1) === 1;
    if (!isLast) return BLOCK_HEADER;
    return hasChecksum ? { kind: 'body', length: CHECKSUM_BYTES, then: MAGIC } : MAGIC;
  };

  /** Takes bytes of the current part from `at` on; where they end. Numbers are little-endian. */
  const take = (chunk: Buffer, at: number): number => {
    const end = Math.min(chunk.length, at + wanted);
    for (let index = at; part.kind !== 'body' && index < end; index += 1) {
      value += (chunk[index] ?? 0) * 2 ** (8 * (part.length - wanted + index - at));
    }
    wanted -= end - at;
    if (wanted === 0) endPart();
    return end;
  };

  return {
    split(chunk) {
      const pieces: FramePiece[] = [];
      let start = 0;
      const emit = (bytes: Buffer): void => {
        if (bytes.length > 0) pieces.push({ bytes, isFrameStart: isStartDue });
        isStartDue = false;
      };
      for (let at = 0; at < chunk.length;) {
        const wasInFrame = isInFrame;
        at = take(chunk, at);
        if (wasInFrame && !isInFrame) emit(chunk.subarray(start, at));
        if (wasInFrame || !isInFrame) continue;
        // A magic number that began in the chunk before is not in this one, but it is always the same.
        const isWhole = at >= MAGIC.length;
        if (!isWhole) emit(MAGIC_BYTES);
        start = isWhole ? at - MAGIC.length : at;
      }
      if (isInFrame) emit(chunk.subarray(start));
      return pieces;
    },
  };
}

/** Bytes of the frame header after its descriptor: window, dictionary id, content size. */
function restOfHeader(descriptor: number): number {
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const contentSize = CONTENT_SIZE_BYTES[(descriptor >> 6) as 0 | 1 | 2 | 3];
  const dictionaryId = DICTIONARY_ID_BYTES[(descriptor & 3) as 0 | 1 | 2 | 3];
  return (isSingleSegment ? 0 : 1) + dictionaryId + (isSingleSegment && contentSize === 0 ? 1 : contentSize);
}

function blockBytes(header: number): number {
  return ((header >> 1) & 3) === RLE_BLOCK ? 1 : header >>> 3;
}
