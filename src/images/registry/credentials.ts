/** What proves who we are to a registry, from the files and programs that docker and podman use; on the host's side. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { HutchError } from '../../errors/hutch-error.ts';
import { readJsonFile } from '../../state/json-file.ts';
import { askCredentialProgram, type Credentials } from './credential-program.ts';

/** The parts of auth.json and docker's config.json that matter. Source: containers-auth.json(5). */
export interface AuthFile {
  readonly auths: Readonly<Record<string, unknown>>;
  readonly credHelpers: Readonly<Record<string, unknown>>;
  readonly credsStore: string | undefined;
  /** Everything in the file, for writing it back. */
  readonly whole: Readonly<Record<string, unknown>>;
}

/** Docker's name for its own registry in these files. */
export const DOCKER_KEY = 'https://index.docker.io/v1/';
const DOCKER_KEYS = ['docker.io', 'index.docker.io', DOCKER_KEY, 'registry-1.docker.io'];

/** The files to look into, in order: only `authFile` or REGISTRY_AUTH_FILE where one is given. */
export function authFilePaths(authFile: string | undefined, env: NodeJS.ProcessEnv = process.env): string[] {
  const given = authFile ?? env['REGISTRY_AUTH_FILE'];
  if (given !== undefined && given !== '') return [given];
  const home = env['HOME'] ?? homedir();
  const runtime = env['XDG_RUNTIME_DIR'];
  const docker = env['DOCKER_CONFIG'] ?? '';
  return [
    ...(runtime === undefined || runtime === '' ? [] : [join(runtime, 'containers', 'auth.json')]),
    join(env['XDG_CONFIG_HOME'] ?? join(home, '.config'), 'containers', 'auth.json'),
    join(docker === '' ? join(home, '.docker') : docker, 'config.json'),
  ];
}

/** What is known for a repository of `domain`, from the first file that knows anything; undefined to go without. CONFIG_INVALID. */
export async function findCredentials(
  domain: string,
  path: string,
  authFile?: string,
): Promise<Credentials | undefined> {
  for (const file of authFilePaths(authFile)) {
    const found = await lookInto(readAuthFile(file), domain, path);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function lookInto(file: AuthFile, domain: string, path: string): Promise<Credentials | undefined> {
  const program = programFor(file, domain);
  const asked = program === undefined ? undefined : await askCredentialProgram(program, serverKey(domain));
  if (asked !== undefined) return asked;
  for (const key of keysFor(domain, path)) {
    const found = readEntry(file.auths[key]);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The credential program of a registry, without its prefix; undefined where passwords are in the file. */
export function programFor(file: AuthFile, domain: string): string | undefined {
  const keys = domain === 'docker.io' ? DOCKER_KEYS : [domain];
  const own = keys.map((key) => file.credHelpers[key]).find((name) => typeof name === 'string' && name !== '');
  return own === undefined ? file.credsStore : (own as string);
}

/** The key under which credentials of `domain` are kept. */
export function serverKey(domain: string): string {
  return domain === 'docker.io' ? DOCKER_KEY : domain;
}

/** Narrower keys (`quay.io/team/app`) come before wider ones; old docker wrote addresses. */
export function keysFor(domain: string, path: string): string[] {
  const parts = path.split('/').filter(Boolean);
  const narrow = parts.map((_, at) => [domain, ...parts.slice(0, parts.length - at)].join('/'));
  const wide =
    domain === 'docker.io'
      ? DOCKER_KEYS
      : [domain, `https://${domain}`, `https://${domain}/v1/`, `https://${domain}/v2/`, `http://${domain}`];
  return [...narrow, ...wide];
}

function readEntry(entry: unknown): Credentials | undefined {
  const fields = objectOf(entry);
  const text = (name: string): string => (typeof fields[name] === 'string' ? fields[name] : '');
  if (text('identitytoken') !== '') return { kind: 'identityToken', token: text('identitytoken') };
  if (text('registrytoken') !== '') return { kind: 'registryToken', token: text('registrytoken') };
  const decoded = Buffer.from(text('auth'), 'base64').toString('utf8').replace(/\0+$/u, '');
  const colon = decoded.indexOf(':');
  if (colon > 0) return { kind: 'password', username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
  if (text('username') === '') return undefined;
  return { kind: 'password', username: text('username'), password: text('password') };
}

/** An absent file is an empty one. CONFIG_INVALID names one that cannot be read. */
export function readAuthFile(path: string): AuthFile {
  const whole = objectOf(readFileLeniently(path));
  const { credsStore } = whole;
  return {
    auths: objectOf(whole['auths']),
    credHelpers: objectOf(whole['credHelpers']),
    credsStore: typeof credsStore === 'string' && credsStore !== '' ? credsStore : undefined,
    whole,
  };
}

function readFileLeniently(path: string): unknown {
  try {
    return readJsonFile(path);
  } catch (cause) {
    if (cause instanceof HutchError && cause.context['errno'] === 'ENOTDIR') return undefined;
    throw new HutchError(`cannot read the credentials in ${path}`, {
      code: 'CONFIG_INVALID',
      hint: 'correct or remove the file, or name another one with --authfile',
      cause,
    });
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
