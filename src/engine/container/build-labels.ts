/** A container's labels; reads --label-file files on the host's side. */
import { readFileSync } from 'node:fs';
import { errnoOf, HutchError } from '../../errors/hutch-error.ts';
import { badValue } from './parse-values.ts';
import type { RunRequest } from './run-request.ts';

type LabelRequest = Pick<RunRequest, 'labels' | 'labelFiles'>;

/** Later sources win: the image, --label-file, --label. A key without `=` has an empty value. USAGE_INVALID. */
export function buildLabels(
  { labels, labelFiles }: LabelRequest,
  ofImage: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return {
    ...ofImage,
    ...Object.fromEntries(
      labelFiles.flatMap((path) => linesOf(path).map((line) => parseLabel(`--label-file ${path}`, line))),
    ),
    ...Object.fromEntries(labels.map((text) => parseLabel('--label', text))),
  };
}

function parseLabel(flag: string, text: string): [string, string] {
  const [key = '', ...value] = text.split('=');
  if (key.trim() === '') throw badValue(flag, text, 'KEY=VALUE, or KEY for an empty value');
  return [key, value.join('=')];
}

/** Lines as they are; empty ones and those that begin with # are left out. */
function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .map((line) => line.replace(/\r$/u, '').trimStart())
      .filter((line) => line !== '' && !line.startsWith('#'));
  } catch (cause) {
    throw new HutchError(`cannot read --label-file ${path}: ${errnoOf(cause) ?? String(cause)}`, {
      code: 'USAGE_INVALID',
      hint: 'check the path and its permissions',
      cause,
      context: { path },
    });
  }
}
