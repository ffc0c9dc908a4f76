/** A certificate authority that exists for one test: openssl(1) makes its keys and certificates in a directory of the test. */

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface KeyPair {
  /** PEM files. */
  readonly certFile: string;
  readonly keyFile: string;
}

export interface TestAuthority {
  /** Its own certificate, for SSL_CERT_FILE or certs.d. */
  readonly certFile: string;
  /** A certificate for localhost, 127.0.0.1, ::1 and `names` (as `DNS:…` or `IP:…`). */
  issue(name: string, names?: readonly string[]): KeyPair;
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
const HERE = ['DNS:localhost', 'IP:127.0.0.1', 'IP:0:0:0:0:0:0:0:1'];

export function makeAuthority(directory: string): TestAuthority {
  const at = (name: string): string => path.join(directory, name);
  const certFile = at('ca.pem');
  openssl('req', '-x509', ...KEY, '-subj', '/CN=CA of a test', '-days', '2', '-keyout', at('ca.key'), '-out', certFile);
  return {
    certFile,
    issue(name, names = []) {
      const pair = { certFile: at(`${name}.pem`), keyFile: at(`${name}.key`) };
      const extensions = at(`${name}.ext`);
      writeFileSync(extensions, `subjectAltName=${[...HERE, ...names].join(',')}\n`);
      openssl('req', ...KEY, '-subj', `/CN=${name}`, '-keyout', pair.keyFile, '-out', at(`${name}.csr`));
      openssl(
        ...['x509', '-req', '-in', at(`${name}.csr`), '-CA', certFile, '-CAkey', at('ca.key'), '-CAcreateserial'],
        ...['-days', '2', '-extfile', extensions, '-out', pair.certFile],
      );
      return pair;
    },
  };
}

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** The certificate in a PEM file as JSON web tokens carry it: DER in base64. */
export function derOf(certFile: string): string {
  return readFileSync(certFile, 'utf8').replace(/-----[^-]+-----|\s/gu, '');
}
