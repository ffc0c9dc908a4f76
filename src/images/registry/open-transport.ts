/** The transport for one registry: what may be lax there is strict everywhere that it leads to; on the host's side. */
import { registryHost } from './client.ts';
import { createTransport, type Transport } from './http.ts';
import { LIMITS, type Limits } from './limits.ts';
import type { Source } from './sources.ts';

export interface RegistryAccess {
  readonly limits?: Limits | undefined;
  /** In place of certs.d/HOST. */
  readonly certDirectory?: string | undefined;
}

/** For the registry of `source`: its certificate need not be valid when it is insecure. The caller closes it. */
export function openTransport(source: Source, { limits = LIMITS, certDirectory }: RegistryAccess): Transport {
  const own = registryHost(source);
  return createTransport({
    limits,
    isVerified: (host) => host !== own || !source.insecure,
    certDirectory: (host) => (host === own ? certDirectory : undefined),
  });
}
