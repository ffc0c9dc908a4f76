/** Which things a prune may remove: by age and by label, alike for images and containers; pure but for the clock. */
import { HutchError } from '../errors/hutch-error.ts';
import { momentOf } from './parse-moment.ts';

export interface Prunable {
  /** RFC 3339, or null where it is not known. */
  readonly created: string | null;
  readonly labels: Readonly<Record<string, string>>;
}

export type PruneFilter = (thing: Prunable) => boolean;

/** Reads `until=MOMENT` or `until=24h`, `label=KEY[=VALUE]`, `label!=KEY[=VALUE]`. USAGE_INVALID for anything else. */
export function parsePruneFilter(text: string): PruneFilter {
  const [, key = '', negation = '', value = ''] = /^(until|label)(!?)=(.+)$/u.exec(text) ?? [];
  if (key === 'until' && negation === '') {
    const limitMs = momentOf(value) ?? fail(text);
    return ({ created }) => created !== null && Date.parse(created) < limitMs;
  }
  if (key !== 'label') return fail(text);
  return negation === '' ? hasLabel(value) : (thing) => !hasLabel(value)(thing);
}

/** USAGE_INVALID for the first that is none, before anybody is asked whether to go ahead. */
export function checkPruneFilters(texts: readonly string[] = []): void {
  for (const text of texts) parsePruneFilter(text);
}

/** True for what has the label KEY, or KEY with just this value: `text` is `KEY[=VALUE]`. */
export function hasLabel(text: string): (thing: Pick<Prunable, 'labels'>) => boolean {
  const [label = '', ...rest] = text.split('=');
  return ({ labels }) => Object.hasOwn(labels, label) && (rest.length === 0 || labels[label] === rest.join('='));
}

function fail(text: string): never {
  throw new HutchError(`--filter "${text}" is not known`, {
    code: 'USAGE_INVALID',
    hint: 'use until=24h, until=2026-01-31, label=KEY[=VALUE] or label!=KEY[=VALUE]',
    context: { filter: text },
  });
}
