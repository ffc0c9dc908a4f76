/** Text in columns; pure, CLI process. */

import { stripVTControlCharacters } from 'node:util';

const GAP = 3;

/** `rows` with every column as wide as its widest cell and the gap docker uses; the last column is not padded. */
export function renderTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, widthOf(cell));
  }
  return rows.map((row) => renderRow(row, widths)).join('\n');
}

function renderRow(row: readonly string[], widths: readonly number[]): string {
  const padded = row.map((cell, index) => {
    const isLast = index === row.length - 1;
    return isLast ? cell : cell + ' '.repeat((widths[index] ?? 0) - widthOf(cell) + GAP);
  });
  return padded.join('').trimEnd();
}

/** Terminal columns of `cell`: escape sequences take none. */
function widthOf(cell: string): number {
  return Array.from(stripVTControlCharacters(cell)).length;
}
