/** The tags of a repository, page by page; on the host's side. Source: OCI distribution-spec, listing tags. */
import { isTag } from '../reference.ts';
import type { Repository } from './client.ts';
import { registryFailed, shownUrl } from './failures.ts';
import { readSmall, type HttpAnswer } from './http.ts';
import { LARGEST_RECORD_BYTES } from './limits.ts';
import { withRetries } from './retry.ts';

const PAGE = 1000;
/** Above this a registry counts as one that never ends. */
const MOST_TAGS = 100_000;

/** All tags, in the order of the registry, each once. IMAGE_UNKNOWN, REGISTRY_DENIED, REGISTRY_FAILED. */
export async function listTags(repository: Repository): Promise<string[]> {
  const tags = new Set<string>();
  let next: string | URL | undefined = `tags/list?n=${String(PAGE)}`;
  while (next !== undefined) {
    const before = tags.size;
    const page: Page = await readPage(repository, next);
    for (const tag of page.tags) tags.add(tag);
    // A registry that repeats itself would be asked for ever.
    next = tags.size > before ? page.next : undefined;
    if (tags.size > MOST_TAGS)
      throw registryFailed(
        `${repository.source.domain}/${repository.source.path} has more than ${String(MOST_TAGS)} tags`,
        {
          hint: 'pull the tags that you need by name',
        },
      );
  }
  return [...tags];
}

interface Page {
  readonly tags: readonly string[];
  readonly next: URL | undefined;
}

function readPage(repository: Repository, path: string | URL): Promise<Page> {
  const { transport, signal } = repository;
  return withRetries(transport.limits, signal, async () => {
    const answer = await repository.send({ method: 'GET', path, accepts: [200] });
    const bytes = await readSmall(answer, transport.limits, LARGEST_RECORD_BYTES);
    return { tags: parseTags(answer, bytes), next: nextPage(answer) };
  });
}

function parseTags({ url }: HttpAnswer, bytes: Buffer): string[] {
  try {
    const { tags } = JSON.parse(bytes.toString('utf8')) as { tags?: unknown };
    const list = tags ?? [];
    if (Array.isArray(list) && list.every((tag) => typeof tag === 'string' && isTag(tag))) return list as string[];
  } catch {
    // Said below.
  }
  throw registryFailed(`${shownUrl(url)} answers with what is no list of tags`);
}

/** `Link: </v2/name/tags/list?n=…&last=…>; rel="next"`: at the same registry, or it is not followed. */
function nextPage({ url, headers }: HttpAnswer): URL | undefined {
  const [, target] = /<([^>]+)>\s*;\s*rel="?next"?/u.exec(String(headers['link'] ?? '')) ?? [];
  const next = target === undefined ? null : URL.parse(target, url.href);
  return next !== null && next.origin === url.origin ? next : undefined;
}
