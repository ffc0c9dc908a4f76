/** Asking before something is removed; in the CLI process. */
import { readSync } from 'node:fs';
import { errnoOf, HutchError } from '../errors/hutch-error.ts';
import { writeErr } from './output.ts';

/** True when the user answers `question` with y or yes. The answer may come through a pipe. USAGE_INVALID when there is nobody to answer. */
export function confirm(question: string): boolean {
  writeErr(`${question} [y/N] `);
  const answer = readLine();
  if (answer !== undefined) return /^\s*y(es)?\s*$/iu.test(answer);
  writeErr('\n');
  throw new HutchError('nobody answers: stdin is at its end', {
    code: 'USAGE_INVALID',
    hint: 'give --force to go ahead without asking',
  });
}

/** A line of stdin; undefined at its end. */
function readLine(): string | undefined {
  const byte = Buffer.alloc(1);
  let line = '';
  for (;;) {
    try {
      if (readSync(0, byte) === 0) return line === '' ? undefined : line;
    } catch (error) {
      if (errnoOf(error) !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
      continue;
    }
    if (byte[0] === 10) return line;
    line += byte.toString('latin1');
  }
}
