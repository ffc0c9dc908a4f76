/** `hutch inspect`: whatever has that name; in the CLI process. */
import { HutchError, isHutchError } from '../../errors/hutch-error.ts';
import { inspectContainer } from '../container/inspect-container.ts';
import { badValue } from '../container/parse-values.ts';

export interface InspectOptions {
  /** `container` or `image`; undefined for whatever there is, containers first. */
  readonly type: string | undefined;
  readonly size: boolean;
}

const TYPES = ['container', 'image'] as const;

/** All that is known of what `word` names. CONTAINER_UNKNOWN or IMAGE_UNKNOWN; USAGE_INVALID for another type. */
export async function inspectOne(word: string, { type, size }: InspectOptions): Promise<object> {
  if (type !== undefined && !(TYPES as readonly string[]).includes(type)) {
    throw badValue('--type', type, `one of ${TYPES.join(', ')}`);
  }
  if (type === 'image') return inspectImage(word);
  try {
    return await inspectContainer(word, { size });
  } catch (error) {
    if (type === 'container' || !isUnknown(error)) throw error;
  }
  try {
    return await inspectImage(word);
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

function nothing(word: string): HutchError {
  return new HutchError(`there is no container and no image "${word}"`, {
    code: 'CONTAINER_UNKNOWN',
    hint: 'see `hutch ps -a` and `hutch images` for those that are there',
    context: { name: word },
  });
}
