/** Showing the same lines again and again: in place on a terminal, one below the other elsewhere; CLI process. Source: console_codes(4). */
import { writeOut } from './output.ts';

export interface LiveScreen extends Disposable {
  /** Shows the lines in the place of those before, and notes in whole below them. What does not fit on the screen is counted in its last line. */
  show(lines: readonly string[], notes?: readonly string[]): void;
}

const CLEAR = '\x1b[2J';
const HOME = '\x1b[H';
const CLEAR_LINE_END = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';

/** True where a screen can be drawn in place. */
export function canRedraw(): boolean {
  return process.stdout.isTTY && process.env['TERM'] !== 'dumb';
}

/** `redraws` false: every picture is printed below the one before, and notes are left to the caller. Disposed of, it leaves the cursor at the start of a line. */
export function openScreen({ redraws }: { readonly redraws: boolean }): LiveScreen {
  let isFirst = true;
  return {
    show: (lines, notes = []) => {
      if (redraws) writeOut(`${isFirst ? CLEAR : ''}${frame(withNotes(lines, notes), process.stdout)}`);
      else writeOut(lines.map((line) => `${line}\n`).join(''));
      isFirst = false;
    },
    // The terminal has echoed the ^C of whoever ended it.
    [Symbol.dispose]: () => {
      if (redraws && !isFirst) writeOut(`\r${CLEAR_LINE_END}`);
    },
  };
}

function withNotes(lines: readonly string[], notes: readonly string[]): string[] {
  if (notes.length === 0) return [...lines];
  return [...lines, '', ...notes.flatMap((note) => wrap(note, process.stdout.columns))];
}

/** Pure: `text` in lines of at most `width` columns; a longer word stays whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** Pure: a picture that leaves nothing of the one before, and does not make the screen scroll. */
export function frame(
  lines: readonly string[],
  { columns = 80, rows = 24 }: { columns?: number; rows?: number },
): string {
  const room = Math.max(1, rows - 1);
  const shown =
    lines.length <= room ? lines : [...lines.slice(0, room - 1), `… and ${String(lines.length - room + 1)} lines more`];
  const cut = shown.map((line) => Array.from(line).slice(0, columns).join(''));
  return `${HOME}${cut.map((line) => `${line}${CLEAR_LINE_END}\n`).join('')}${CLEAR_BELOW}`;
}
