/** Talking to one registry about one repository, from its credentials to its closed connections; in the CLI process. */
import { HutchError, isHutchError } from '../../errors/hutch-error.ts';
import { openRepository, type Repository, type RepositoryOptions } from '../../images/registry/client.ts';
import { findCredentials } from '../../images/registry/credentials.ts';
import type { Limits } from '../../images/registry/limits.ts';
import { openTransport } from '../../images/registry/open-transport.ts';
import { withRetries } from '../../images/registry/retry.ts';
import type { Source } from '../../images/registry/sources.ts';

/** What a user may say about the way to a registry. */
export interface RegistryAccess {
  /** False allows plain http and any certificate, for the registry itself. */
  readonly tlsVerify?: boolean | undefined;
  readonly authFile?: string | undefined;
  /** In place of certs.d/HOST. */
  readonly certDirectory?: string | undefined;
  readonly limits?: Limits | undefined;
}

export interface Visit extends Pick<RepositoryOptions, 'actions' | 'mountFrom'> {
  readonly source: Source;
  readonly access: RegistryAccess;
  /** When it is aborted, the visit ends with its reason. */
  readonly signal: AbortSignal;
}

/**
 * Runs `work` with the repository; `stop` ends what else goes on there. REGISTRY_DENIED, REGISTRY_FAILED, CONFIG_INVALID, and
 * whatever `work` throws.
 */
export async function visitRegistry<T>(
  { source: declared, access, signal, ...purpose }: Visit,
  work: (repository: Repository, stop: (reason: unknown) => void) => Promise<T>,
): Promise<T> {
  const source = { ...declared, insecure: declared.insecure || access.tlsVerify === false };
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const transport = openTransport(source, access);
  try {
    const credentials = await findCredentials(source.domain, source.path, access.authFile);
    const open = (): Promise<Repository> =>
      openRepository({ ...purpose, source, transport, credentials, signal: either });
    const repository = await withRetries(transport.limits, either, open);
    return await work(repository, (reason) => stop.abort(reason));
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    transport.close();
  }
}

/** What a registry may be at fault for. */
export const FROM_REGISTRY = [
  'IMAGE_UNKNOWN',
  'REGISTRY_DENIED',
  'REGISTRY_FAILED',
  'CONTENT_MISMATCH',
  'SPEC_INVALID',
] as const;

/** `cause` with what the user wanted in front: what failed is often a host or a digest that the user has never heard of. */
export function failedTo(deed: string, cause: HutchError): HutchError {
  const { code, hint, context } = cause;
  return new HutchError(`cannot ${deed}: ${cause.message}`, {
    code,
    ...(hint === undefined ? {} : { hint }),
    context,
    cause,
  });
}

/** The next place is asked only when the one before answered that it has no such image: a silent registry proves nothing. */
export async function firstThatHas<T, R>(places: readonly T[], ask: (place: T) => Promise<R>): Promise<R> {
  for (const place of places.slice(0, -1)) {
    try {
      return await ask(place);
    } catch (error) {
      if (!isHutchError(error, 'IMAGE_UNKNOWN')) throw error;
    }
  }
  const [last] = places.slice(-1);
  if (last === undefined) throw new TypeError('nowhere to ask');
  return ask(last);
}
