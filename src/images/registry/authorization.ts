/** Getting past 401: Basic, or a Bearer token from the registry's token service; on the host's side. */
import { isLocalHost } from './addresses.ts';
import { parseChallenges, type Challenge } from './challenge.ts';
import type { Credentials } from './credential-program.ts';
import { registryDenied, registryFailed, shownUrl } from './failures.ts';
import { sendFollowing } from './follow.ts';
import { readSmall, type HttpAnswer, type HttpRequest, type Transport } from './http.ts';
import { LARGEST_TOKEN_BYTES } from './limits.ts';

/** Proves who we are to one registry. Holds tokens in memory only. */
export interface Authorization {
  /** The header for a scope as far as it is known without asking. */
  known(scope: string): string | undefined;
  /** The header for a scope after the registry answered 401. REGISTRY_DENIED, REGISTRY_FAILED. */
  answer(refusal: HttpAnswer, scope: string, signal: AbortSignal): Promise<string>;
  /** Forgets the token for a scope: the next request asks for a new one. */
  forget(scope: string): void;
}

export interface AuthorizationOptions {
  readonly transport: Transport;
  /** Root of the registry. */
  readonly root: URL;
  /** As people write it. */
  readonly name: string;
  readonly credentials: Credentials | undefined;
}

/** A token is taken for worn out a little before it is. */
const MARGIN_MS = 10_000;
/** Source: distribution-spec token authentication; a service that says nothing means a minute. */
const DEFAULT_LIFE_S = 60;

interface Token {
  readonly header: string;
  readonly endsAtMs: number;
}

export function createAuthorization(options: AuthorizationOptions): Authorization {
  const tokens = new Map<string, Token>();
  let basic: string | undefined;
  return {
    known(scope) {
      const token = tokens.get(scope);
      return token !== undefined && token.endsAtMs > Date.now() ? token.header : basic;
    },
    async answer(refusal, scope, signal) {
      const challenges = parseChallenges(refusal.headers['www-authenticate'] ?? '');
      const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
      if (bearer !== undefined) {
        const token = await fetchToken(options, bearer, scope, signal);
        tokens.set(scope, token);
        return token.header;
      }
      if (!challenges.some(({ scheme }) => scheme === 'basic'))
        throw registryDenied(`${options.name} refuses access and does not say how to get it`, loginHint(options));
      basic = basicHeader(options);
      return basic;
    },
    forget(scope) {
      tokens.delete(scope);
    },
  };
}

function loginHint({ name, credentials }: AuthorizationOptions): string {
  return credentials === undefined
    ? `log in: hutch login ${name}`
    : `log in again: hutch login ${name}; or ask its owner for access`;
}

function basicHeader(options: AuthorizationOptions): string {
  const { credentials, name } = options;
  if (credentials?.kind !== 'password')
    throw registryDenied(`${name} wants a user name and a password`, loginHint(options));
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;
}

async function fetchToken(
  options: AuthorizationOptions,
  challenge: Challenge,
  scope: string,
  signal: AbortSignal,
): Promise<Token> {
  const { transport, root, credentials } = options;
  if (credentials?.kind === 'registryToken')
    return { header: `Bearer ${credentials.token}`, endsAtMs: Number.POSITIVE_INFINITY };
  const realm = checkRealm(options, challenge.parameters['realm'] ?? '');
  const request = tokenRequest(options, { realm, service: challenge.parameters['service'], scope });
  // A token service is often another host than the registry, but it has no more business on this machine.
  const home = (await isLocalHost(root.host)) ? realm.host : root.host;
  const answer = await sendFollowing(transport, { ...request, signal }, home);
  const body = await readSmall(answer, transport.limits, LARGEST_TOKEN_BYTES);
  if (answer.status === 200) return readToken(realm, body);
  if ([400, 401, 403].includes(answer.status))
    throw registryDenied(`${options.name} refuses access (${realm.host} gives no token)`, loginHint(options));
  throw registryFailed(`${shownUrl(realm)} answers ${String(answer.status)} instead of a token`, {
    isTransient: answer.status === 429 || answer.status >= 500,
  });
}

function checkRealm({ root, name }: AuthorizationOptions, realm: string): URL {
  const url = URL.parse(realm);
  const isPlainHere = url?.protocol === 'http:' && root.protocol === 'http:';
  if (url !== null && (url.protocol === 'https:' || isPlainHere) && url.username === '') return url;
  throw registryFailed(
    `${name} sends to a token service that is not https: ${url === null ? 'no address' : shownUrl(url)}`,
    {
      hint: 'no password is sent there; ask whoever runs the registry',
    },
  );
}

function tokenRequest(
  { credentials }: AuthorizationOptions,
  { realm, service, scope }: { realm: URL; service: string | undefined; scope: string },
): Omit<HttpRequest, 'signal'> {
  const fields = new URLSearchParams(service === undefined ? {} : { service });
  for (const part of scope.split(' ').filter(Boolean)) fields.append('scope', part);
  if (credentials?.kind === 'identityToken') {
    fields.set('scope', scope);
    fields.set('grant_type', 'refresh_token');
    fields.set('client_id', 'hutch');
    fields.set('refresh_token', credentials.token);
    const form = Buffer.from(fields.toString());
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': String(form.length) };
    return { method: 'POST', url: realm, headers, body: () => form };
  }
  const url = new URL(realm);
  for (const [name, value] of fields) url.searchParams.append(name, value);
  if (credentials?.kind !== 'password') return { method: 'GET', url, headers: {} };
  url.searchParams.set('account', credentials.username);
  const secret = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64');
  return { method: 'GET', url, headers: { Authorization: `Basic ${secret}` } };
}

function readToken(realm: URL, body: Buffer): Token {
  const fields = parseObject(body);
  const token = fields['token'] ?? fields['access_token'];
  // What a header may hold: a token with a line break would be a header of its own.
  if (typeof token !== 'string' || !/^[\u0021-\u007e]+$/u.test(token))
    throw registryFailed(`${shownUrl(realm)} gives a token that cannot be used`);
  const lifeS = typeof fields['expires_in'] === 'number' ? fields['expires_in'] : DEFAULT_LIFE_S;
  return { header: `Bearer ${token}`, endsAtMs: Date.now() + lifeS * 1000 - MARGIN_MS };
}

function parseObject(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
