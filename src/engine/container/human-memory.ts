/** Sizes of memory for people; pure. */

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;

/** `1.234MiB`: four digits, binary units, as docker shows memory. Takes bytes. */
export function humanMemory(sizeBytes: number): string {
  let value = sizeBytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${String(Number(value.toPrecision(4)))}${UNITS[unit] ?? ''}`;
}
