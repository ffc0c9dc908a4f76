/** `hutch inspect`: whatever has that name; in the CLI process. */
import { HutchError, isHutchError } from '../../errors/hutch-error.ts';
import { inspectContainer } from '../container/inspect-container.ts';
import { badValue } from '../container/parse-values.ts';

export interface InspectOptions {
  /** `container`, `image` or `network`; undefined for whatever there is, in this order. */
  readonly type: string | undefined;
  readonly size: boolean;
}

const TYPES = ['container', 'image', 'network', 'all'] as const;

/** All that is known of what `word` names. CONTAINER_UNKNOWN, NAME_AMBIGUOUS, IMAGE_UNKNOWN or NETWORK_UNKNOWN; USAGE_INVALID for another type. */
export async function inspectOne(word: string, { type, size }: InspectOptions): Promise<object> {
  if (type !== undefined && !(TYPES as readonly string[]).includes(type)) {
    throw badValue('--type', type, `one of ${TYPES.join(', ')}`);
  }
  if (type === 'image') return inspectImage(word);
  if (type === 'network') return inspectNetwork(word);
  try {
    return await inspectContainer(word, { size });
  } catch (error) {
    if (type === 'container' || !isUnknown(error)) throw error;
  }
  try {
    return await inspectImage(word);
  } catch (error) {
    if (!isUnknown(error)) throw error;
  }
  try {
    return await inspectNetwork(word);
  } catch (error) {
    if (isUnknown(error)) throw nothing(word);
    throw error;
  }
}

/** True for the error about a name that nothing has. */
export function isUnknown(error: unknown): boolean {
  return isHutchError(error, 'CONTAINER_UNKNOWN', 'IMAGE_UNKNOWN', 'NETWORK_UNKNOWN', 'REFERENCE_INVALID');
}

/** Loaded only when it is an image: reading those needs far more code. */
async function inspectImage(word: string): Promise<object> {
  const { inspectImage: inspect } = await import('../image/inspect-image.ts');
  return inspect(word);
}

async function inspectNetwork(word: string): Promise<object> {
  const { inspectNetwork: inspect } = await import('../network/inspect-network.ts');
  return inspect(word);
}

function nothing(word: string): HutchError {
  return new HutchError(`there is no container, no image and no network "${word}"`, {
    code: 'CONTAINER_UNKNOWN',
    hint: 'see `hutch ps -a` and `hutch images` for those that are there',
    context: { name: word },
  });
}
