/** Breaks text into lines of a width; pure. */

/**
 * `text` on lines of at most `width` columns, each after its prefix; white space of any kind (line feeds too) becomes a single
 * space, so the text cannot leave its prefix. A word longer than the width stays whole.
 */
export function wrapText(
  text: string,
  options: { readonly first: string; readonly rest: string; readonly width: number },
): string[] {
  const lines: string[] = [];
  let line = options.first;
  let isEmpty = true;
  for (const word of text.split(/\s+/u).filter((part) => part !== '')) {
    if (!isEmpty && line.length + 1 + word.length > options.width) {
      lines.push(line);
      line = options.rest;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line.trimEnd()];
}
