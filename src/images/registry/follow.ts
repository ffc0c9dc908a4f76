/** Following redirects without handing anything to strangers; on the host's side. */
import { isLocalHost } from './addresses.ts';
import { registryFailed, shownUrl } from './failures.ts';
import { drain, type HttpAnswer, type HttpRequest, type Transport } from './http.ts';
import { MOST_REDIRECTS } from './limits.ts';

const REDIRECTS = [301, 302, 303, 307, 308];

/**
 * Sends a request and, for GET and HEAD, follows at most five redirects: to http or https only, never from https to http,
 * to addresses of this machine only where `home` (the registry's own host) is one, and without Authorization once
 * the origin is another. REGISTRY_FAILED otherwise.
 */
export async function sendFollowing(transport: Transport, request: HttpRequest, home: string): Promise<HttpAnswer> {
  let next = request;
  for (let hops = 0; hops <= MOST_REDIRECTS; hops += 1) {
    const answer = await transport.send(next, next.url.host === home || (await isLocalHost(home)));
    const { location } = answer.headers;
    if (!REDIRECTS.includes(answer.status) || location === undefined || !['GET', 'HEAD'].includes(request.method))
      return answer;
    await drain(answer, transport.limits);
    next = redirected(next, location);
  }
  throw registryFailed(`${shownUrl(request.url)} redirects more than ${String(MOST_REDIRECTS)} times`);
}

function redirected(request: HttpRequest, location: string): HttpRequest {
  const url = resolveLocation(request.url, location);
  return { ...request, url, headers: headersFor(url, request) };
}

/** The address in a Location header, checked. REGISTRY_FAILED when it is none, or leads from https to http. */
export function resolveLocation(from: URL, location: string): URL {
  const url = URL.parse(location, from.href);
  if (
    url === null ||
    (url.protocol !== 'https:' && url.protocol !== 'http:') ||
    url.username !== '' ||
    url.password !== ''
  )
    throw registryFailed(`${shownUrl(from)} redirects to what is no http or https address`);
  if (from.protocol === 'https:' && url.protocol === 'http:')
    throw registryFailed(`${shownUrl(from)} redirects to unencrypted ${url.host}`);
  return url;
}

/** The headers of `request` for another address: without Authorization when the origin is not the same. */
export function headersFor(
  url: URL,
  { url: from, headers }: Pick<HttpRequest, 'url' | 'headers'>,
): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => url.origin === from.origin || name !== 'Authorization');
  return Object.fromEntries(kept);
}
