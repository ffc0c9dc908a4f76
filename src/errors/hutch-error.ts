/** The one error class of hutch and the closed list of its codes; pure, used in every process. */

/** Every code an error of hutch can bear; `docs/errors.md` has one heading for each (a test compares both lists). */
export const ERROR_CODES = [
  'ADDRESS_UNAVAILABLE',
  'ARCHIVE_INVALID',
  'CGROUP_FAILED',
  'COMMAND_NOT_EXECUTABLE',
  'COMMAND_NOT_FOUND',
  'CONFIG_INVALID',
  'CONTAINER_RUNNING',
  'CONTAINER_STOPPED',
  'CONTAINER_UNKNOWN',
  'CONTENT_MISMATCH',
  'DRIVER_UNAVAILABLE',
  'HOST_FEATURE_MISSING',
  'HOST_TOOL_FAILED',
  'HOST_TOOL_MISSING',
  'ID_UNMAPPED',
  'IMAGE_IN_USE',
  'IMAGE_UNKNOWN',
  'LIMIT_UNAVAILABLE',
  'LOCK_TIMEOUT',
  'MONITOR_SILENT',
  'NAME_AMBIGUOUS',
  'NAME_IN_USE',
  'NETWORK_FAILED',
  'NETWORK_IN_USE',
  'NETWORK_UNKNOWN',
  'PATH_INVALID',
  'PORT_UNAVAILABLE',
  'RECORD_CORRUPT',
  'REFERENCE_INVALID',
  'REGISTRY_DENIED',
  'REGISTRY_FAILED',
  'SPEC_INVALID',
  'STEP_FAILED',
  'STORAGE_FULL',
  'STORE_INSECURE',
  'STORE_UNWRITABLE',
  'SUBID_RANGE_INVALID',
  'SUBNET_UNAVAILABLE',
  'USAGE_INVALID',
  'USERNS_FAILED',
  'VOLUME_INVALID',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** Plain values that a program can read from an error: names, numbers, paths. */
export type ErrorContext = Readonly<Record<string, string | number | boolean | null>>;

export interface ErrorOptions {
  readonly code: ErrorCode;
  /** What the user can do, imperative, one sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
  readonly context?: ErrorContext;
}

/**
 * An error that a user may see. The message says what failed and names the exact object;
 * the hint says what to do about it. Anything thrown that is not a HutchError is a bug in hutch.
 */
export class HutchError extends Error {
  override readonly name = 'HutchError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly context: ErrorContext;

  /** Two bundles of one process (the command, and the monitor that it hands over to) have a copy of this class each. */
  static override [Symbol.hasInstance](value: unknown): value is HutchError {
    return value instanceof Error && value.name === 'HutchError' && 'code' in value;
  }

  constructor(message: string, options: ErrorOptions) {
    super(printable(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.hint = options.hint === undefined ? undefined : printable(options.hint);
    this.context = options.context ?? {};
  }
}

/** True when `error` is a HutchError bearing one of `codes` (any code when none is given). */
export function isHutchError(error: unknown, ...codes: readonly ErrorCode[]): error is HutchError {
  return error instanceof HutchError && (codes.length === 0 || codes.includes(error.code));
}

/** The errno name (`ENOENT`, …) of a Node system error, or undefined for anything else. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/**
 * `text` with control characters written as escapes: image names, registry answers and helper output are
 * not ours, and must not drive the user's terminal. Line feeds and tabs stay.
 */
export function printable(text: string): string {
  return text.replace(
    // eslint-disable-next-line no-control-regex -- control characters are what is looked for
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
