/** `hutch pull --all-tags`: every image of a repository; in the CLI process. */
import { HutchError, isHutchError } from '../../errors/hutch-error.ts';
import { repositoryOf, withoutTransport, type Reference } from '../../images/reference.ts';
import { listTags } from '../../images/registry/list-tags.ts';
import { readRegistriesConfig } from '../../images/registry/registries-conf.ts';
import { expandName, ownSource } from '../../images/registry/sources.ts';
import { refuseHostImage } from './host-image.ts';
import { pullImage, type PulledImage, type PullOptions } from './pull-image.ts';
import type { TransferEars } from './transfer-events.ts';
import { failedTo, firstThatHas, FROM_REGISTRY, visitRegistry } from './visit-registry.ts';

/**
 * Pulls all tags of a repository, one after the other. What is no image, or none for the platform, is passed over with a warning; any
 * other failure ends it, and what was pulled before stays. USAGE_INVALID for a name with a tag; as pullImage().
 */
export async function pullAllTags(options: PullOptions, ears: TransferEars): Promise<PulledImage[]> {
  const pulled: PulledImage[] = [];
  let last: HutchError | undefined;
  for (const name of await namesWithTags(options, ears)) {
    try {
      pulled.push(await pullImage({ ...options, name }, ears));
    } catch (error) {
      if (!isHutchError(error, 'SPEC_INVALID', 'IMAGE_UNKNOWN')) throw error;
      last = error;
      ears.hear({ event: 'transfer_warning', text: `${name} is passed over: ${error.message}` });
    }
  }
  if (pulled.length === 0 && last !== undefined) throw last;
  return pulled;
}

async function namesWithTags({ name: given, ...access }: PullOptions, { signal }: TransferEars): Promise<string[]> {
  const name = withoutTransport(given);
  refuseHostImage(name, 'pulled');
  refuseTag(name);
  const config = readRegistriesConfig();
  const ask = async (reference: Reference): Promise<string[]> => {
    const source = ownSource(reference, config);
    const tags = await visitRegistry({ source, access, signal, actions: 'pull' }, listTags);
    if (tags.length === 0) throw noTags(reference);
    return tags.map((tag) => `${repositoryOf(reference)}:${tag}`);
  };
  try {
    return await firstThatHas(expandName(name, config), ask);
  } catch (error) {
    throw isHutchError(error, ...FROM_REGISTRY) ? failedTo(`list the tags of ${name}`, error) : error;
  }
}

function refuseTag(name: string): void {
  if (!/[:@]/u.test(name.slice(name.lastIndexOf('/') + 1))) return;
  throw new HutchError(`"${name}" names one image, which does not go with --all-tags`, {
    code: 'USAGE_INVALID',
    hint: 'give the repository alone, or leave out --all-tags',
    context: { image: name },
  });
}

function noTags(reference: Reference): HutchError {
  return new HutchError(`${repositoryOf(reference)} has no tags`, {
    code: 'IMAGE_UNKNOWN',
    hint: 'check the name; an image that has only a digest is pulled by that',
  });
}
