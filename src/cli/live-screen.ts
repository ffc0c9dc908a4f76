/** Showing the same lines again and again: in place on a terminal, one below the other elsewhere; CLI process. Source: console_codes(4). */
import { writeOut } from './output.ts';

export interface LiveScreen {
  /** Shows the lines in the place of those before. What does not fit on the screen is counted in its last line. */
  show(lines: readonly string[]): void;
}

const CLEAR = '\x1b[2J';
const HOME = '\x1b[H';
const CLEAR_LINE_END = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';

/** True where a screen can be drawn in place. */
export function canRedraw(): boolean {
  return process.stdout.isTTY && process.env['TERM'] !== 'dumb';
}

/** `redraws` false: every picture is printed below the one before. */
export function openScreen({ redraws }: { readonly redraws: boolean }): LiveScreen {
  let isFirst = true;
  return {
    show: (lines) => {
      if (redraws) writeOut(`${isFirst ? CLEAR : ''}${frame(lines, process.stdout)}`);
      else writeOut(lines.map((line) => `${line}\n`).join(''));
      isFirst = false;
    },
  };
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
