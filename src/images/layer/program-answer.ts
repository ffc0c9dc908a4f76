/** What the programs unpack and pack answer, and how they fail; on the host's side. */
import type { Readable } from 'node:stream';
import { ERROR_CODES, HutchError, type ErrorCode } from '../../errors/hutch-error.ts';
import type { UnpackFailure } from './unpack-protocol.ts';

/** Hands every line of JSON to `take` until the channel ends. */
export async function readMessages(channel: Readable, take: (message: unknown) => void): Promise<void> {
  let unread = '';
  for await (const text of channel.setEncoding('utf8') as AsyncIterable<string>) {
    const lines = (unread + text).split('\n');
    unread = lines.pop() ?? '';
    for (const line of lines) take(JSON.parse(line) as unknown);
  }
}

/** The end of what a program prints, for an error. */
export async function lastWords(stream: Readable | null): Promise<string> {
  let words = '';
  if (stream === null) return words;
  for await (const text of stream.setEncoding('utf8') as AsyncIterable<string>) words = (words + text).slice(-4000);
  return words.trim();
}

/** The error that a program has sent. */
export function failureFrom({ code, message, hint, entry }: UnpackFailure): HutchError {
  const known: ErrorCode = ERROR_CODES.find((candidate) => candidate === code) ?? 'ARCHIVE_INVALID';
  return new HutchError(message, {
    code: known,
    ...(hint === null ? {} : { hint }),
    context: entry === null ? {} : { entry },
  });
}

/** HOST_TOOL_FAILED: the program ended without an answer. */
export function endedEarly(program: string, words: string, code: number): HutchError {
  return new HutchError(
    `the ${program} program ended with ${String(code)} before it was done${words === '' ? '' : `: ${words}`}`,
    {
      code: 'HOST_TOOL_FAILED',
      hint: 'run `hutch doctor`; if it finds nothing, report these lines',
      context: { code },
    },
  );
}
