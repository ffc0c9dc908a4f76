/** Reading `--annotation KEY=VALUE`; pure. */
import { HutchError } from '../../errors/hutch-error.ts';
import { parsePair } from './parse-values.ts';

/** What hutch itself says in a spec. */
const OWN = 'org.hutch.';

/** Of one key the last counts. USAGE_INVALID, also for a key of hutch's own, by which a container could be given other fences than its flags say. */
export function parseAnnotations(texts: readonly string[]): Readonly<Record<string, string>> {
  const pairs = texts.map((text) => parsePair('--annotation', text));
  const own = pairs.find(([key]) => key.startsWith(OWN));
  if (own === undefined) return Object.fromEntries(pairs);
  throw new HutchError(`--annotation ${own[0]} is hutch's own to write: it begins with ${OWN}`, {
    code: 'USAGE_INVALID',
    hint: 'choose another key, such as org.example.purpose',
    context: { key: own[0] },
  });
}
