/** Talking to docker-credential-* programs, which keep passwords elsewhere; started from the host's side. Secrets go by stdin. */
import { HutchError } from '../../errors/hutch-error.ts';
import { requireTool, runTool } from '../../host/run-tool.ts';

/** What proves who we are to a registry. */
export type Credentials =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** An OAuth refresh token. */
  | { readonly kind: 'identityToken'; readonly token: string }
  /** A bearer token for the registry itself. */
  | { readonly kind: 'registryToken'; readonly token: string };

/** Source: docker/docker-credential-helpers, what its programs print for a server that they do not know. */
const NOT_FOUND = 'credentials not found in native keychain';
/** Stands for the user name where the secret is an OAuth refresh token. */
const TOKEN_USER = '<token>';
const TIMEOUT_MS = 60_000;

/** What the program `name` keeps for `server`; undefined when it knows nothing. HOST_TOOL_MISSING, HOST_TOOL_FAILED, CONFIG_INVALID. */
export async function askCredentialProgram(name: string, server: string): Promise<Credentials | undefined> {
  const { code, stdout } = await call(name, 'get', server);
  if (code !== 0 && stdout.includes(NOT_FOUND)) return undefined;
  if (code !== 0) throw failed(name, 'get', stdout);
  const { Username: username, Secret: secret } = parseAnswer(name, stdout);
  if (typeof username !== 'string' || typeof secret !== 'string') throw failed(name, 'get', 'no user name or secret');
  if (username === TOKEN_USER) return { kind: 'identityToken', token: secret };
  return secret === '' ? undefined : { kind: 'password', username, password: secret };
}

/** Has the program keep a password. */
export async function keepWithProgram(name: string, server: string, username: string, password: string): Promise<void> {
  const input = JSON.stringify({ ServerURL: server, Username: username, Secret: password });
  const { code, stdout } = await call(name, 'store', input);
  if (code !== 0) throw failed(name, 'store', stdout);
}

/** Has the program forget what it keeps for `server`; nothing happens when it knows nothing. */
export async function forgetWithProgram(name: string, server: string): Promise<void> {
  const { code, stdout } = await call(name, 'erase', server);
  if (code !== 0 && !stdout.includes(NOT_FOUND)) throw failed(name, 'erase', stdout);
}

function call(name: string, verb: string, input: string): Promise<{ code: number; stdout: string }> {
  if (!/^[\w.-]+$/u.test(name))
    throw new HutchError(`"${name}" is not the name of a credential program`, {
      code: 'CONFIG_INVALID',
      hint: 'correct credHelpers or credsStore in auth.json or config.json',
    });
  const program = requireTool(`docker-credential-${name}`, 'look up passwords for registries');
  return runTool([program, verb], { input, timeoutMs: TIMEOUT_MS });
}

function parseAnswer(name: string, stdout: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(stdout) as Record<string, unknown>;
  } catch {
    // The text may hold the secret: it is not shown.
    throw failed(name, 'get', 'its answer is not JSON');
  }
}

function failed(name: string, verb: string, reason: string): HutchError {
  return new HutchError(`docker-credential-${name} ${verb} failed: ${reason.trim().slice(0, 200)}`, {
    code: 'HOST_TOOL_FAILED',
    hint: 'try it by hand, or take it out of auth.json or config.json',
  });
}
