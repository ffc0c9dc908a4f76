/** A token service as registries send their clients to, inside the test process. Source: distribution's token specification. */

import { createPrivateKey, randomBytes, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { derOf, type KeyPair } from './test-authority.ts';

/** The one account of all registries of the tests. */
export const ACCOUNT = { username: 'tester', password: 'open sesame' } as const;
/** Without an account there is access to repositories below this one, for pulling. */
export const PUBLIC = 'public/';
export const SERVICE = 'registry of a test';
export const ISSUER = 'token service of a test';

export interface TokenRequest {
  readonly method: string;
  /** How the client said who it is. */
  readonly by: 'nothing' | 'password' | 'wrong password' | 'refresh token';
  readonly scopes: readonly string[];
  /** Everything that was asked, as it came. */
  readonly parameters: URLSearchParams;
}

export interface TokenService {
  readonly realm: string;
  /** What it was asked so far. */
  readonly requests: readonly TokenRequest[];
  /** An identity token that it takes in place of a password. */
  readonly refreshToken: string;
  stop(): Promise<void>;
}

/** Starts the service; `signer` must be known to the registry (rootcertbundle). With `tls` it speaks https. */
export async function startTokenService(signer: KeyPair, tls?: KeyPair): Promise<TokenService> {
  const requests: TokenRequest[] = [];
  const refreshToken = randomBytes(16).toString('hex');
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    void text(request).then((body) => {
      const asked = readRequest(request, body, refreshToken);
      requests.push(asked);
      if (asked.by === 'wrong password') return response.writeHead(401).end('{"errors":[{"code":"UNAUTHORIZED"}]}');
      const token = makeToken(signer, asked);
      return response
        .writeHead(200, { 'Content-Type': 'application/json' })
        .end(JSON.stringify({ token, access_token: token, expires_in: 300 }));
    });
  };
  const server =
    tls === undefined
      ? createPlainServer(answer)
      : createTlsServer({ cert: readFileSync(tls.certFile), key: readFileSync(tls.keyFile) }, answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    realm: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}/token`,
    requests,
    refreshToken,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function readRequest(request: IncomingMessage, body: string, refreshToken: string): TokenRequest {
  const method = request.method ?? '';
  const parameters =
    method === 'POST' ? new URLSearchParams(body) : new URL(request.url ?? '', 'http://here').searchParams;
  const scopes = parameters.getAll('scope').flatMap((scope) => scope.split(' ').filter(Boolean));
  return { method, scopes, parameters, by: proofOf(request, parameters, refreshToken) };
}

function proofOf(request: IncomingMessage, parameters: URLSearchParams, refreshToken: string): TokenRequest['by'] {
  const { authorization } = request.headers;
  if (parameters.get('grant_type') === 'refresh_token')
    return parameters.get('refresh_token') === refreshToken ? 'refresh token' : 'wrong password';
  if (authorization === undefined) return 'nothing';
  const right = Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString('base64');
  return authorization === `Basic ${right}` ? 'password' : 'wrong password';
}

function makeToken(signer: KeyPair, { by, scopes }: TokenRequest): string {
  const now = Math.floor(Date.now() / 1000);
  const access = scopes.flatMap((scope) => {
    const [type = '', name = '', actions = ''] = scope.split(':');
    const granted = by !== 'nothing' ? actions.split(',') : name.startsWith(PUBLIC) ? ['pull'] : [];
    return [{ type, name, actions: granted }];
  });
  const header = { typ: 'JWT', alg: 'ES256', x5c: [derOf(signer.certFile)] };
  const claims = { iss: ISSUER, sub: by, aud: SERVICE, exp: now + 300, nbf: now - 10, iat: now, jti: 'x', access };
  const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const key = createPrivateKey(readFileSync(signer.keyFile));
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}
