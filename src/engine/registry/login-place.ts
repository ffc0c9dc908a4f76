/** Which registry a login is for, from the word that the user gave; pure. */
import { HutchError } from '../../errors/hutch-error.ts';
import { hasDomain, parseReference } from '../../images/reference.ts';
import type { LoginPlace } from '../../images/registry/keep-credentials.ts';

/** `HOST[:PORT][/PATH]`, with or without `https://`; Docker Hub when there is none. USAGE_INVALID, REFERENCE_INVALID. */
export function parseLoginPlace(text = 'docker.io'): LoginPlace {
  const bare = text.replace(/^https?:\/\//u, '').replace(/(?:\/v[12])?\/*$/u, '');
  const [host = '', ...path] = bare.split('/');
  if (!hasDomain(`${host}/`))
    throw new HutchError(`"${text}" is not a registry`, {
      code: 'USAGE_INVALID',
      hint: 'give its host name with an optional port, such as quay.io or localhost:5000',
      context: { registry: text },
    });
  const { domain } = parseReference(`${host}/${path.length === 0 ? 'any' : path.join('/')}`);
  return { domain, path: path.join('/') };
}

/** As people write it. */
export function placeName({ domain, path }: LoginPlace): string {
  return path === '' ? domain : `${domain}/${path}`;
}
