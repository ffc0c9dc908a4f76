/** Which certificates a registry is believed by, and which hutch shows to it; on the host's side. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { errnoOf, HutchError } from '../../errors/hutch-error.ts';

export interface TlsTrust {
  /** PEM texts. */
  readonly ca: readonly string[];
  /** What this host presents of itself, where the registry asks for it. */
  readonly cert: readonly string[];
  readonly key: readonly string[];
  readonly rejectUnauthorized: boolean;
}

/** Where distributions keep all certificates in one file. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/**
 * For the registry `host` (with its port): SSL_CERT_FILE and SSL_CERT_DIR, or else the system's certificates, and the
 * `*.crt` of certs.d/HOST; `*.cert` with `*.key` there are for us. CONFIG_INVALID names a file that cannot be read.
 * With `directory` that one is read instead of certs.d/HOST. Source: containers-certs.d(5), and the two variables as OpenSSL and Go read them.
 */
export function readTrust(
  host: string,
  isVerified: boolean,
  options: { readonly env?: NodeJS.ProcessEnv; readonly directory?: string | undefined } = {},
): TlsTrust {
  const { env = process.env, directory } = options;
  const files = (directory === undefined ? certificateDirectories(host, env) : [directory]).flatMap(listFiles);
  const cert = files.filter((path) => path.endsWith('.cert'));
  return {
    ca: isVerified ? [...commonCertificates(env), ...files.filter((path) => path.endsWith('.crt')).map(readPem)] : [],
    cert: cert.map(readPem),
    key: cert.map((path) => readPem(path.replace(/cert$/u, 'key'))),
    rejectUnauthorized: isVerified,
  };
}

function commonCertificates(env: NodeJS.ProcessEnv): readonly string[] {
  const { SSL_CERT_FILE: file = '', SSL_CERT_DIR: directories = '' } = env;
  if (file !== '' || directories !== '') {
    const inDirectories = directories.split(':').filter(Boolean).flatMap(listFiles);
    return [
      ...(file === '' ? [] : [file]),
      ...inDirectories.filter((path) => /\.(?:crt|pem|cer|[0-9])$/u.test(path)),
    ].map(readPem);
  }
  const bundle = SYSTEM_BUNDLES.find((path) => existsSync(path));
  return bundle === undefined ? rootCertificates : [readPem(bundle)];
}

function certificateDirectories(host: string, env: NodeJS.ProcessEnv): string[] {
  const config = env['XDG_CONFIG_HOME'] ?? join(env['HOME'] ?? homedir(), '.config');
  return [join(config, 'containers'), '/etc/containers', '/etc/docker'].map((base) => join(base, 'certs.d', host));
}

function listFiles(directory: string): string[] {
  try {
    return readdirSync(directory)
      .sort()
      .map((name) => join(directory, name));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(errnoOf(error) ?? '')) return [];
    throw error;
  }
}

function readPem(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new HutchError(`cannot read the certificate ${path}: ${errnoOf(cause) ?? String(cause)}`, {
      code: 'CONFIG_INVALID',
      hint: 'make it readable, or correct SSL_CERT_FILE, SSL_CERT_DIR or certs.d',
      cause,
    });
  }
}
