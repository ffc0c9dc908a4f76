/**
 * Debian's docker-registry on a loopback port that the kernel picks, for one test file.
 *
 *     const registry = await startRegistry({ tls: true, auth: 'token' });
 *     await box.hutch(['pull', `${registry.host}/public/box:1`], { env: registry.trust });
 */

import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeAuthority, type TestAuthority } from './test-authority.ts';
import { ACCOUNT, ISSUER, SERVICE, startTokenService, type TokenService } from './token-service.ts';

export { ACCOUNT } from './token-service.ts';

export interface RegistryOptions {
  /** Speaks https with a certificate of a CA that nobody knows but the test. */
  readonly tls?: boolean;
  /** Lets only ACCOUNT in: by Basic (htpasswd), or with tokens of a service in the test process, plain or https as the registry. */
  readonly auth?: 'basic' | 'token';
}

export interface DockerRegistry {
  /** `localhost:PORT`, as it stands in image names. */
  readonly host: string;
  readonly url: string;
  readonly authority: TestAuthority;
  /** The environment in which a program trusts the CA (SSL_CERT_FILE); empty without TLS. */
  readonly trust: Readonly<Record<string, string>>;
  /** Only with `auth: 'token'`. */
  readonly tokens: TokenService | null;
  /** Scratch space of the registry, for files of the test too. */
  readonly directory: string;
  /** What the registry wrote so far, one request a line among others. */
  log(): string;
  /** Method and path of every request so far, such as `GET /v2/a/b/manifests/latest`. */
  requests(): string[];
  /** Ends it; a second call does nothing. */
  stop(): Promise<void>;
}

/** Why there can be no registry here; false when there can. */
export function registrySkip(): string | false {
  const missing = ['docker-registry', 'htpasswd', 'openssl'].filter((name) => spawnSync('which', [name]).status !== 0);
  return missing.length === 0 ? false : `not installed: ${missing.join(', ')}`;
}

/** A registry that ends with the tests of the file. */
export async function startRegistry(options: RegistryOptions = {}): Promise<DockerRegistry> {
  const registry = await launchRegistry(options);
  after(() => registry.stop());
  return registry;
}

/** One of each kind that lets in differently; they end with the tests of the file. */
export async function startRegistries(): Promise<Record<'plain' | 'basic' | 'tokens', DockerRegistry>> {
  const [plain, basic, tokens] = await Promise.all([
    startRegistry(),
    startRegistry({ tls: true, auth: 'basic' }),
    startRegistry({ tls: true, auth: 'token' }),
  ]);
  return { plain, basic, tokens };
}

/** A registry that the caller stops. */
export async function launchRegistry({ tls = false, auth }: RegistryOptions = {}): Promise<DockerRegistry> {
  const directory = mkdtempSync(path.join(tmpdir(), 'hutch-registry-'));
  const authority = makeAuthority(directory);
  const pair = authority.issue('registry');
  const tokens = auth === 'token' ? await startTokenService(pair, tls ? pair : undefined) : null;
  const config = {
    version: '0.1',
    log: { level: 'info', formatter: 'json' },
    storage: { filesystem: { rootdirectory: path.join(directory, 'storage') }, delete: { enabled: true } },
    http: {
      addr: '127.0.0.1:0',
      secret: 'of a test',
      ...(tls ? { tls: { certificate: pair.certFile, key: pair.keyFile } } : {}),
    },
    ...authSection(auth, directory, authority, tokens),
  };
  mkdirSync(path.join(directory, 'storage'));
  // Every JSON text is YAML.
  writeFileSync(path.join(directory, 'config.yml'), JSON.stringify(config));
  // Not a pipe: a caller that blocks, as the bench does, would leave it full, and the registry waiting.
  const logFile = path.join(directory, 'log');
  const logFd = openSync(logFile, 'a');
  const child = spawn('docker-registry', ['serve', path.join(directory, 'config.yml')], {
    stdio: ['ignore', logFd, logFd],
    env: { PATH: '/usr/bin:/bin', OTEL_TRACES_EXPORTER: 'none' },
  });
  closeSync(logFd);
  const log = (): string => readFileSync(logFile, 'utf8');
  const stop = async (): Promise<void> => {
    await end(child);
    await tokens?.stop();
    rmSync(directory, { recursive: true, force: true });
  };
  const port = await portOf(child, log);
  const host = `localhost:${port}`;
  return {
    host,
    url: `${tls ? 'https' : 'http'}://${host}`,
    authority,
    trust: tls ? { SSL_CERT_FILE: authority.certFile } : {},
    tokens,
    directory,
    log,
    requests: () => requestsIn(log()),
    stop,
  };
}

function authSection(
  auth: RegistryOptions['auth'],
  directory: string,
  authority: TestAuthority,
  tokens: TokenService | null,
): object {
  if (tokens !== null) {
    const { realm } = tokens;
    return {
      auth: { token: { realm, service: SERVICE, issuer: ISSUER, rootcertbundle: authority.certFile } },
    };
  }
  if (auth !== 'basic') return {};
  const file = path.join(directory, 'htpasswd');
  writeFileSync(file, execFileSync('htpasswd', ['-nbB', ACCOUNT.username, ACCOUNT.password]));
  return { auth: { htpasswd: { realm: SERVICE, path: file } } };
}

/** The registry says on which port it listens. */
async function portOf(child: ChildProcess, log: () => string): Promise<string> {
  let failure: Error | undefined;
  child.once('exit', (code) => (failure = new Error(`docker-registry ended with ${String(code)}:\n${log()}`)));
  child.once('error', (error) => (failure = error));
  for (;;) {
    const port = /listening on 127\.0\.0\.1:(\d+)/u.exec(log())?.[1];
    if (port !== undefined) return port;
    await sleep(20);
    if (failure !== undefined) throw failure;
  }
}

function requestsIn(log: string): string[] {
  const found = log.matchAll(/"(?<method>[A-Z]+) (?<target>\/v2\/[^ ]*) HTTP\/[0-9.]+\\?" /gu);
  return [...found].map(({ groups }) => `${groups?.['method'] ?? ''} ${groups?.['target'] ?? ''}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}
