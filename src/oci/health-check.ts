/** The health check of an image, as docker writes it into the configuration; checked before it is believed; pure. */

/** Times are nanoseconds; 0 or nothing stands for the default. Source: moby, image spec v1.2. */
export interface ImageHealthCheck {
  /** `["NONE"]`, `["CMD", word…]` or `["CMD-SHELL", line]`. */
  readonly Test: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
  readonly Retries?: number;
}

const NUMBERS = ['Interval', 'Timeout', 'StartPeriod', 'StartInterval', 'Retries'] as const;

/** Undefined for what is none: no part of the OCI format, so an image is not refused for it. */
export function parseImageHealthCheck(value: unknown): ImageHealthCheck | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = value as Readonly<Record<string, unknown>>;
  const test = fields['Test'];
  if (!Array.isArray(test) || test.length === 0 || !test.every((word) => typeof word === 'string')) return undefined;
  const numbers = NUMBERS.filter((name) => Number.isSafeInteger(fields[name]) && Number(fields[name]) > 0);
  return { Test: test, ...Object.fromEntries(numbers.map((name) => [name, Number(fields[name])])) };
}
