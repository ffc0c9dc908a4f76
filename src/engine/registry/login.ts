/** `hutch login`: a user name and password, checked with the registry and kept; in the CLI process. */
import { HutchError } from '../../errors/hutch-error.ts';
import { pingRegistry } from '../../images/registry/client.ts';
import { findCredentials } from '../../images/registry/credentials.ts';
import { keepCredentials } from '../../images/registry/keep-credentials.ts';
import { openTransport } from '../../images/registry/open-transport.ts';
import { readRegistriesConfig } from '../../images/registry/registries-conf.ts';
import { ownSource } from '../../images/registry/sources.ts';
import { parseLoginPlace, placeName } from './login-place.ts';

export interface LoginOptions {
  /** `HOST[:PORT][/PATH]`; Docker Hub when not given. */
  readonly registry: string | undefined;
  readonly username: string;
  readonly password: string;
  readonly authFile?: string | undefined;
  /** False allows plain http and any certificate. */
  readonly tlsVerify?: boolean | undefined;
  readonly certDirectory?: string | undefined;
}

/**
 * Checks a password with the registry, then keeps it; what is refused is not kept. Returns the file or the program that keeps it.
 * USAGE_INVALID, REGISTRY_DENIED, REGISTRY_FAILED, CONFIG_INVALID, STORE_*, HOST_TOOL_*.
 */
export async function login(options: LoginOptions, signal: AbortSignal): Promise<string> {
  const { registry, username, password, authFile, tlsVerify, certDirectory } = options;
  const place = parseLoginPlace(registry);
  if (username === '' || username.includes(':') || password === '') throw unusable(username);
  const reference = { domain: place.domain, path: place.path, tag: null, digest: null };
  const own = ownSource(reference, readRegistriesConfig());
  const source = { ...own, insecure: own.insecure || tlsVerify === false };
  const transport = openTransport(source, { certDirectory });
  const credentials = { kind: 'password', username, password } as const;
  try {
    await pingRegistry({ source, transport, credentials, signal });
  } finally {
    transport.close();
  }
  return keepCredentials(place, credentials, authFile);
}

/** The user name that is known for a registry. REGISTRY_DENIED when there is none. */
export async function loggedInUser(registry: string | undefined, authFile?: string): Promise<string> {
  const place = parseLoginPlace(registry);
  const found = await findCredentials(place.domain, place.path, authFile);
  if (found?.kind === 'password') return found.username;
  if (found !== undefined) return '<token>';
  throw new HutchError(`not logged in to ${placeName(place)}`, {
    code: 'REGISTRY_DENIED',
    hint: `log in first: hutch login ${placeName(place)}`,
  });
}

function unusable(username: string): HutchError {
  const isName = username === '' || username.includes(':');
  return new HutchError(isName ? `"${username}" cannot be a user name` : 'the password is empty', {
    code: 'USAGE_INVALID',
    hint: isName
      ? 'give one with --username; it may not be empty nor have a colon in it'
      : 'type it when asked, or give it on stdin with --password-stdin',
  });
}
