/** One repository of one registry: requests under `/v2/`, authorized; on the host's side. Source: OCI distribution-spec. */
import { HutchError } from '../../errors/hutch-error.ts';
import type { Digest } from '../../oci/image.ts';
import { createAuthorization, type Authorization } from './authorization.ts';
import type { Credentials } from './credential-program.ts';
import { isRefused, registryDenied, registryFailed, shownUrl, speaksNoTls } from './failures.ts';
import { headersFor, sendFollowing } from './follow.ts';
import { drain, readSmall, type HttpAnswer, type HttpRequest, type Transport } from './http.ts';
import { LARGEST_COMPLAINT_BYTES } from './limits.ts';
import { retryAfterMs } from './retry.ts';
import { mayBePlain, type Source } from './sources.ts';

export interface RepositoryRequest {
  readonly method: HttpRequest['method'];
  /** Below the repository (`manifests/latest`), or a whole address that the registry gave. */
  readonly path: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: HttpRequest['body'];
  /** Statuses to hand back; others are thrown. */
  readonly accepts: readonly number[];
  /** What to do when the registry finds the request itself wrong. */
  readonly hint?: string;
}

export interface Repository {
  readonly source: Source;
  readonly transport: Transport;
  readonly signal: AbortSignal;
  /** Sends a request, once more with authorization when that is asked for. REGISTRY_DENIED, REGISTRY_FAILED, IMAGE_UNKNOWN. */
  send(request: RepositoryRequest): Promise<HttpAnswer>;
}

export interface RepositoryOptions {
  readonly source: Source;
  readonly transport: Transport;
  readonly credentials: Credentials | undefined;
  readonly signal: AbortSignal;
  readonly actions: 'pull' | 'pull,push';
  /** Another repository of the registry that blobs may be mounted from. */
  readonly mountFrom?: string | undefined;
}

/** Finds out how the registry is spoken to and opens a repository of it. REGISTRY_FAILED when nobody answers. */
export async function openRepository(options: RepositoryOptions): Promise<Repository> {
  const { source, transport, signal, actions, mountFrom } = options;
  const root = await findRoot(source, transport, signal);
  const authorization = createAuthorization({ ...options, root, name: source.domain });
  const scope = [
    `repository:${source.path}:${actions}`,
    ...(mountFrom === undefined ? [] : [`repository:${mountFrom}:pull`]),
  ].join(' ');
  const base = new URL(`/v2/${source.path}/`, root);
  return {
    source,
    transport,
    signal,
    async send(request) {
      const url = new URL(request.path, base);
      const answer = await sendAuthorized(
        { transport, authorization, root, scope },
        { ...request, url, headers: request.headers ?? {}, signal },
      );
      if (request.accepts.includes(answer.status)) return answer;
      throw await refusal(answer, { source, transport, actions, hint: request.hint });
    },
  };
}

/** Checks that the registry lets us in. REGISTRY_DENIED, REGISTRY_FAILED. */
export async function pingRegistry(options: Omit<RepositoryOptions, 'actions' | 'mountFrom'>): Promise<void> {
  const { source, transport, signal } = options;
  const root = await findRoot(source, transport, signal);
  const authorization = createAuthorization({ ...options, root, name: source.domain });
  const url = new URL('/v2/', root);
  const answer = await sendAuthorized(
    { transport, authorization, root, scope: '' },
    { method: 'GET', url, headers: {}, signal },
  );
  await drain(answer, transport.limits);
  if (answer.status === 401 || answer.status === 403)
    throw registryDenied(
      `${source.domain} does not accept this user name and password`,
      'check both, and whether the registry wants a token instead',
    );
  if (answer.status !== 200)
    throw registryFailed(`${shownUrl(url)} answers ${String(answer.status)}: it is no registry`);
}

interface Way {
  readonly transport: Transport;
  readonly authorization: Authorization;
  readonly root: URL;
  readonly scope: string;
}

async function sendAuthorized(
  { transport, authorization, root, scope }: Way,
  request: HttpRequest,
): Promise<HttpAnswer> {
  const attempt = async (header: string | undefined): Promise<HttpAnswer> => {
    const headers = header === undefined ? request.headers : { ...request.headers, Authorization: header };
    // An upload may go on at another host, which has no business with the registry's token.
    const authorized = { ...request, headers: headersFor(request.url, { url: root, headers }) };
    try {
      return await sendFollowing(transport, authorized, root.host);
    } catch (error) {
      // A server that refuses a token may hang up in the middle of the body, and its 401 is lost with the connection.
      if (request.body !== undefined) authorization.forget(scope);
      throw error;
    }
  };
  const known = authorization.known(scope);
  const first = await attempt(known);
  if (first.status !== 401 || first.url.origin !== root.origin) return first;
  await drain(first, transport.limits);
  const header = await authorization.answer(first, scope, request.signal);
  return attempt(header);
}

/** docker.io is a name; its registry is elsewhere. */
const HOST_OF: Readonly<Record<string, string>> = { 'docker.io': 'registry-1.docker.io' };

/** The host, with its port, that answers for a source. */
export function registryHost({ domain }: Pick<Source, 'domain'>): string {
  return HOST_OF[domain] ?? domain;
}

/** https, or plain http where that is allowed and the other side speaks nothing else. */
async function findRoot(source: Source, transport: Transport, signal: AbortSignal): Promise<URL> {
  const host = registryHost(source);
  const secure = new URL(`https://${host}`);
  if (!mayBePlain(source)) return secure;
  try {
    await drain(
      await transport.send({ method: 'GET', url: new URL('/v2/', secure), headers: {}, signal }, true),
      transport.limits,
    );
    return secure;
  } catch (error) {
    if (speaksNoTls(error) || (isRefused(error) && secure.port === '')) return new URL(`http://${host}`);
    throw error;
  }
}

interface Refused extends Pick<RepositoryOptions, 'source' | 'transport' | 'actions'> {
  readonly hint: string | undefined;
}

/** The error for an answer that nobody wanted. */
async function refusal(answer: HttpAnswer, { source, transport, actions, hint }: Refused): Promise<Error> {
  const body = await readSmall(answer, transport.limits, LARGEST_COMPLAINT_BYTES).catch(() => Buffer.alloc(0));
  const words = complaintOf(body);
  const { status } = answer;
  const told = (actions === 'pull' ? pullRefusal : pushRefusal)(status, source, words);
  if (told !== undefined) return told;
  return registryFailed(`${shownUrl(answer.url)} answers ${String(status)}${words}`, {
    isTransient: status === 429 || status === 408 || (status >= 500 && status !== 501),
    waitMs: retryAfterMs(answer.headers['retry-after']),
    ...(hint !== undefined && (status === 400 || status === 415) ? { hint } : {}),
  });
}

function pullRefusal(status: number, { domain, path }: Source, words: string): Error | undefined {
  if (status === 401 || status === 403)
    return registryDenied(
      `${domain} denies access to ${domain}/${path}${words}`,
      `log in with an account that may: hutch login ${domain}`,
    );
  if (status !== 404) return undefined;
  return new HutchError(`${domain}/${path} has no such image${words}`, {
    code: 'IMAGE_UNKNOWN',
    hint: 'check name and tag; a private image may need hutch login',
  });
}

function pushRefusal(status: number, { domain, path }: Source, words: string): Error | undefined {
  if (status === 401 || status === 403)
    return registryDenied(
      `${domain} does not let you push to ${domain}/${path}${words}`,
      `log in with an account that may write there: hutch login ${domain}`,
    );
  if (status === 404)
    return registryFailed(`${domain} has no place for ${domain}/${path}${words}`, {
      hint: 'check the name; some registries want a project or repository to be made before the first push',
    });
  if (status !== 405) return undefined;
  return registryFailed(`${domain} takes no pushes${words}`, {
    hint: 'it may be a mirror, or set to read-only: push to another registry, or ask whoever runs it',
  });
}

/** The registry's own words, at most a line of them. */
function complaintOf(body: Buffer): string {
  try {
    const value = JSON.parse(body.toString('utf8')) as { errors?: { code?: unknown; message?: unknown }[] };
    const words = value.errors?.map(({ code, message }) =>
      [code, message].filter((part) => typeof part === 'string').join(': '),
    );
    return words === undefined || words.length === 0
      ? ''
      : ` (${words.join('; ').replace(/\s+/gu, ' ').slice(0, 200)})`;
  } catch {
    return '';
  }
}

/** `blobs/sha256:…`, as a path below a repository. */
export function blobOf(digest: Digest): string {
  return `blobs/${digest}`;
}
