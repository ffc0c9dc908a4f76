/** How far each layer of a pull or push is, and what a line about it says; pure, CLI process. */

import type { LayerPhase, LayerToTransfer, TransferEvent } from '../../engine/image/transfer-events.ts';
import { humanSize } from '../format/human.ts';

export interface LayerProgress {
  /** The beginning of its digest, as people recognise it. */
  readonly label: string;
  readonly sizeBytes: number;
  readonly doneBytes: number;
  readonly phase: LayerPhase;
}

const LABEL_DIGITS = 12;
const SHORTEST_BAR = 10;
const LONGEST_BAR = 40;

const WORDS: Readonly<Record<LayerPhase, string>> = {
  waiting: 'waiting',
  downloading: 'downloading',
  downloaded: 'downloaded',
  unpacking: 'unpacking',
  done: 'done',
  there: 'already here',
  uploading: 'uploading',
  present: 'there already',
};

export function labelOf(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1, digest.indexOf(':') + 1 + LABEL_DIGITS);
}

export function startOf({ digest, sizeBytes }: LayerToTransfer): LayerProgress {
  return { label: labelOf(digest), sizeBytes, doneBytes: 0, phase: 'waiting' };
}

export function advance(
  layer: LayerProgress,
  { phase, doneBytes }: Pick<TransferEvent & { event: 'transfer_layer' }, 'phase' | 'doneBytes'>,
): LayerProgress {
  return { ...layer, phase, doneBytes };
}

export function isMoving({ phase }: LayerProgress): boolean {
  return phase === 'downloading' || phase === 'unpacking' || phase === 'uploading';
}

export function isAtEnd({ phase }: LayerProgress): boolean {
  return phase === 'done' || phase === 'there' || phase === 'present';
}

/** `3f2a91bc04de  [=====>      ]  12.3MB/45MB  downloading`, at most `columns` wide; without the bar where it has no room. */
export function renderLine(layer: LayerProgress, columns: number): string {
  const { label, doneBytes, sizeBytes, phase } = layer;
  const total = humanSize(sizeBytes);
  const amount = isMoving(layer) ? `${humanSize(doneBytes)}/${total}` : total;
  const head = `${label}  `;
  const tail = `  ${amount.padStart(15)}  ${WORDS[phase].padEnd(12)}`;
  const room = columns - head.length - tail.length - 2;
  const bar = room < SHORTEST_BAR ? '' : `[${renderBar(layer, Math.min(room, LONGEST_BAR))}]`;
  return `${head}${bar}${tail}`.trimEnd().slice(0, columns);
}

function renderBar(layer: LayerProgress, width: number): string {
  const done = isAtEnd(layer) || layer.phase === 'downloaded' ? 1 : layer.doneBytes / Math.max(layer.sizeBytes, 1);
  const filled = Math.floor(Math.min(Math.max(done, 0), 1) * width);
  if (filled === 0) return ' '.repeat(width);
  return `${'='.repeat(filled - 1)}${filled === width ? '=' : '>'}`.padEnd(width);
}

/** The lines for a screen of `rows` by `columns`: what moves comes first where not all layers have room. */
export function renderLines(layers: readonly LayerProgress[], rows: number, columns: number): string[] {
  const room = Math.max(rows - 1, 1);
  if (layers.length <= room) return layers.map((layer) => renderLine(layer, columns));
  const shown = new Set([...layers].sort((a, b) => rank(a) - rank(b)).slice(0, room - 1));
  const ended = layers.filter(isAtEnd).length;
  const rest = `${String(layers.length)} layers, ${String(ended)} of them ready`.slice(0, columns);
  return [...layers.filter((layer) => shown.has(layer)).map((layer) => renderLine(layer, columns)), rest];
}

function rank(layer: LayerProgress): number {
  return isMoving(layer) ? 0 : layer.phase === 'downloaded' ? 1 : layer.phase === 'waiting' ? 2 : 3;
}

/** One line about a step of a layer, for output that nobody watches; null for what is not worth one. */
export function plainLine(before: LayerProgress, after: LayerProgress): string | null {
  if (before.phase === after.phase || after.phase === 'downloaded') return null;
  const size = after.phase === 'downloading' || after.phase === 'uploading' ? ` ${humanSize(after.sizeBytes)}` : '';
  return `${after.label}: ${WORDS[after.phase]}${size}`;
}
