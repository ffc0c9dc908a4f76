/** Shows a pull or push on stderr: bars that are redrawn on a terminal, lines elsewhere, nothing when quiet; CLI process. */

import { WriteStream } from 'node:tty';
import type { TransferEvent } from '../../engine/image/transfer-events.ts';
import { printable } from '../../errors/hutch-error.ts';
import { writeErr } from '../output.ts';
import { advance, plainLine, renderLines, startOf, type LayerProgress } from './layer-progress.ts';

export interface TransferDisplay {
  hear(event: TransferEvent): void;
  /** Takes away what moves; call it when the transfer has ended, however it did. */
  close(): void;
}

type Layers = Map<string, LayerProgress>;

/** The way that fits stderr: see above. Warnings are always shown. */
export function showTransfer({ isQuiet }: { readonly isQuiet: boolean }): TransferDisplay {
  if (isQuiet) return warningsOnly();
  const isDumb = process.env['TERM'] === 'dumb';
  return process.stderr.isTTY && process.stderr instanceof WriteStream && !isDumb ? bars(process.stderr) : lines();
}

function warn(text: string): void {
  writeErr(`hutch: warning: ${printable(text)}\n`);
}

function note(text: string): void {
  writeErr(`${printable(text)}\n`);
}

function warningsOnly(): TransferDisplay {
  return {
    hear: (event) => {
      if (event.event === 'transfer_warning') warn(event.text);
    },
    close: () => undefined,
  };
}

const WORDS = { pull: { verb: 'pulling', noun: 'layer' }, push: { verb: 'pushing', noun: 'blob' } } as const;

function begin(layers: Layers, event: TransferEvent & { event: 'transfer_layers' }): void {
  const { direction, name, layers: wanted } = event;
  layers.clear();
  for (const layer of wanted) layers.set(layer.digest, startOf(layer));
  const { verb, noun } = WORDS[direction];
  writeErr(printable(`${verb} ${name}: ${String(wanted.length)} ${noun}${wanted.length === 1 ? '' : 's'}\n`));
}

function tellStep(layers: Layers, event: TransferEvent & { event: 'transfer_layer' }): void {
  const before = layers.get(event.digest);
  if (before === undefined) return;
  const after = advance(before, event);
  layers.set(event.digest, after);
  const line = plainLine(before, after);
  if (line !== null) writeErr(`${line}\n`);
}

function lines(): TransferDisplay {
  const layers: Layers = new Map();
  return {
    hear: (event) => {
      if (event.event === 'transfer_warning') warn(event.text);
      else if (event.event === 'transfer_note') note(event.text);
      else if (event.event === 'transfer_layers') begin(layers, event);
      else tellStep(layers, event);
    },
    close: () => undefined,
  };
}

const REDRAW_MS = 100;
const CLEAR_BELOW = '\u001b[J';
const up = (rows: number): string => `\r\u001b[${String(rows)}A`;

/** How many rows lines take in a window that may have become narrower since they were written. */
function rowsOf(shown: readonly string[], columns: number): number {
  return shown.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 0);
}

function bars(terminal: WriteStream): TransferDisplay {
  const layers: Layers = new Map();
  let drawn: readonly string[] = [];
  const back = (): string => (drawn.length === 0 ? '' : `${up(rowsOf(drawn, terminal.columns))}${CLEAR_BELOW}`);
  const erase = (): void => {
    writeErr(back());
    drawn = [];
  };
  const draw = (): void => {
    const shown = renderLines([...layers.values()], terminal.rows, terminal.columns);
    // One write, so that no half picture is ever seen.
    writeErr(`${back()}${shown.map((line) => `${line}\n`).join('')}`);
    drawn = shown;
  };
  const timer = setInterval(() => {
    if (layers.size > 0) draw();
  }, REDRAW_MS);
  timer.unref();
  return {
    hear: (event) => {
      if (event.event === 'transfer_layer') {
        const before = layers.get(event.digest);
        if (before !== undefined) layers.set(event.digest, advance(before, event));
        return;
      }
      erase();
      if (event.event === 'transfer_warning' || event.event === 'transfer_note') {
        (event.event === 'transfer_note' ? note : warn)(event.text);
        return;
      }
      begin(layers, event);
      draw();
    },
    close: () => {
      clearInterval(timer);
      erase();
    },
  };
}
