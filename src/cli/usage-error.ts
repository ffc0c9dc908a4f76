/** Turns what oclif's parser throws into hutch's own errors; CLI process. */

import { stripVTControlCharacters } from 'node:util';
import { HutchError } from '../errors/hutch-error.ts';

const MORE_HELP = /\s*See more help with --help/gu;
const FLAG_PREFIX = /^Parsing (--\S+) \n\t/u;
const REASONS_PREFIX = /^The following errors? occurred:\s*/u;

/**
 * The error to show for `error`, thrown while the arguments of `command` were parsed: USAGE_INVALID for whatever the
 * parser refuses, the very same error for a HutchError of a flag's own `parse` and for bugs (TypeError and the like).
 */
export function usageErrorFrom(error: unknown, command: string): unknown {
  if (error instanceof HutchError) return withoutFrame(error);
  if (!(error instanceof Error) || !isRefusal(error)) return error;
  const hint = `See hutch ${command} --help`;
  return new HutchError(messageOf(error, command), { code: 'USAGE_INVALID', hint, cause: error });
}

/** oclif frames the message of an error thrown by a flag's `parse` in place; this is the error as it was. */
function withoutFrame(error: HutchError): HutchError {
  error.message = error.message.replace(FLAG_PREFIX, '').replace(MORE_HELP, '');
  return error;
}

/** oclif's parser throws its CLIError; its ready-made arguments (integer, url) throw a bare Error. */
function isRefusal(error: Error): boolean {
  return 'oclif' in error || error.constructor === Error;
}

function messageOf(error: Error, command: string): string {
  const argumentsAtFault = 'args' in error ? error.args : undefined;
  if (Array.isArray(argumentsAtFault)) return argumentMessage(argumentsAtFault, command);
  return stripVTControlCharacters(error.message)
    .replace(FLAG_PREFIX, '$1: ')
    .replace(REASONS_PREFIX, '')
    .replace(MORE_HELP, '')
    .replace(/^Flag /u, 'flag ')
    .replace(/\s*\n\s*/gu, '; ');
}

/** Required arguments come as definitions, surplus ones as the words themselves. */
function argumentMessage(argumentsAtFault: readonly unknown[], command: string): string {
  const surplus = argumentsAtFault.filter((argument) => typeof argument === 'string');
  if (surplus.length > 0) return `hutch ${command} takes no argument "${surplus.join(' ')}"`;
  const names = argumentsAtFault.map((argument) => (argument as { readonly name: string }).name.toUpperCase());
  return `hutch ${command} needs ${names.join(' and ')}`;
}
