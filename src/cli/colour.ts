/** Colour on stderr, only where a person looks at it; CLI process. */

const CODES = { red: 31, green: 32, yellow: 33 } as const;

/** True when the open file `fd` is a terminal that shows colours and NO_COLOR (no-color.org) is not set. */
export function hasColour(fd: number): boolean {
  const { NO_COLOR: noColour, TERM: terminal } = process.env;
  if ((noColour ?? '') !== '' || terminal === 'dumb') return false;
  return process.getBuiltinModule('node:tty').isatty(fd);
}

/** `text` in `colour` when stderr shows colours, else as it is. */
export function paint(colour: keyof typeof CODES, text: string): string {
  return hasColour(2) ? `\u001b[${String(CODES[colour])}m${text}\u001b[0m` : text;
}
