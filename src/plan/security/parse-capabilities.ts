/** From capability names as users and specs write them to capabilities; pure. */

import { HutchError } from '../../errors/hutch-error.ts';
import { CAPABILITY_NAMES, capabilityName, type CapabilityName } from '../../linux/capabilities.ts';

/**
 * The capability that `text` names, in any case, with or without `CAP_`.
 * Throws USAGE_INVALID naming the text when there is none.
 */
export function parseCapability(text: string): CapabilityName {
  const name = capabilityName(text);
  if (name !== undefined) return name;
  throw new HutchError(`unknown capability "${text}"`, {
    code: 'USAGE_INVALID',
    hint: `Use a name of capabilities(7), from ${CAPABILITY_NAMES[0]} to ${CAPABILITY_NAMES[CAPABILITY_NAMES.length - 1] ?? ''}.`,
    context: { capability: text },
  });
}

/** The capabilities that `texts` name, each once, in the order of their numbers; throws as `parseCapability` does. */
export function parseCapabilities(texts: readonly string[]): CapabilityName[] {
  const wanted = new Set(texts.map(parseCapability));
  return CAPABILITY_NAMES.filter((name) => wanted.has(name));
}
