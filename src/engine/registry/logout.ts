/** `hutch logout`: forgets what is kept for a registry; in the CLI process. */
import { HutchError } from '../../errors/hutch-error.ts';
import { forgetAllCredentials, forgetCredentials } from '../../images/registry/keep-credentials.ts';
import { parseLoginPlace, placeName } from './login-place.ts';

/** Forgets one registry; returns its name. REGISTRY_DENIED when nothing was known, as podman has it. CONFIG_INVALID, STORE_*, HOST_TOOL_*. */
export async function logout(registry: string | undefined, authFile?: string): Promise<string> {
  const place = parseLoginPlace(registry);
  const name = placeName(place);
  if (await forgetCredentials(place, authFile)) return name;
  throw new HutchError(`not logged in to ${name}`, {
    code: 'REGISTRY_DENIED',
    hint: 'nothing has to be done; --authfile names another file to look into',
  });
}

/** Forgets all registries. CONFIG_INVALID, STORE_*, HOST_TOOL_*. */
export async function logoutEverywhere(authFile?: string): Promise<void> {
  await forgetAllCredentials(authFile);
}
