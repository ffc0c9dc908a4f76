/** The time that a new image bears; in the CLI process. */
import { HutchError } from '../../errors/hutch-error.ts';

/** Now, or SOURCE_DATE_EPOCH (reproducible-builds.org), as RFC 3339. CONFIG_INVALID when that is no number of seconds. */
export function creationTime(): string {
  const epoch = process.env['SOURCE_DATE_EPOCH'];
  if (epoch === undefined || epoch === '') return new Date().toISOString();
  const date = new Date(Number(epoch) * 1000);
  if (/^[0-9]+$/u.test(epoch) && !Number.isNaN(date.getTime())) return date.toISOString();
  throw new HutchError(`SOURCE_DATE_EPOCH is "${epoch}", which is no number of seconds`, {
    code: 'CONFIG_INVALID',
    hint: 'set it to seconds since 1970, or unset it',
  });
}
