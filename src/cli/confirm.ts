/** Asking before something is removed; in the CLI process. */
import { HutchError } from '../errors/hutch-error.ts';
import { writeErr } from './output.ts';
import { readLine } from './read-line.ts';

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
