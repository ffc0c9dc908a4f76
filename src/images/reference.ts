/** Names of images, as docker reads and shows them; pure code, in the CLI process. */
import { HutchError } from '../errors/hutch-error.ts';
import { isDigest, type Digest } from '../oci/image.ts';

/** A name with every part spelled out: `busybox` is docker.io/library/busybox with the tag `latest`. */
export interface Reference {
  /** Registry host with an optional port. */
  readonly domain: string;
  readonly path: string;
  /** Null only where a digest stands in its place. */
  readonly tag: string | null;
  readonly digest: Digest | null;
}

const DEFAULT_DOMAIN = 'docker.io';
const OFFICIAL = 'library/';
const DEFAULT_TAG = 'latest';

// Without the flag i, which together with u is slow to compile: names are read at every run.
const DOMAIN =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?$/u;
const PATH_COMPONENT = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/u;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/u;
const LONGEST_NAME = 255;

/**
 * Reads `[domain[:port]/]path[:tag][@digest]`. Short names belong to docker.io, as with docker; the first part is a domain
 * when it has a dot or a port or is `localhost`. REFERENCE_INVALID says which part is wrong.
 */
export function parseReference(text: string): Reference {
  const [named, digest] = splitDigest(text);
  const [name, tag] = splitTag(named);
  if (tag !== null && !isTag(tag))
    throw invalid(
      text,
      `the tag "${tag}"`,
      'use up to 128 letters, digits, "_", "." and "-", not beginning with "." or "-"',
    );
  const [domain, rest] = splitDomain(name);
  if (domain !== DEFAULT_DOMAIN && !DOMAIN.test(domain))
    throw invalid(text, `the registry "${domain}"`, 'use a host name with an optional port, such as localhost:5000');
  const path = domain === DEFAULT_DOMAIN && !rest.includes('/') ? `${OFFICIAL}${rest}` : rest;
  checkPath(text, rest);
  if (domain.length + 1 + path.length > LONGEST_NAME)
    throw invalid(text, 'the name', `use at most ${String(LONGEST_NAME)} characters`);
  return { domain, path, tag: tag ?? (digest === null ? DEFAULT_TAG : null), digest };
}

/** True for what may stand as a tag. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

function splitDigest(text: string): [named: string, digest: Digest | null] {
  const at = text.indexOf('@');
  if (at === -1) return [text, null];
  const digest = text.slice(at + 1);
  if (!isDigest(digest)) throw invalid(text, `the digest "${digest}"`, 'use sha256: and 64 hexadecimal digits');
  return [text.slice(0, at), digest];
}

/** A colon before the last slash belongs to the registry's port. */
function splitTag(named: string): [name: string, tag: string | null] {
  const colon = named.lastIndexOf(':');
  if (colon === -1 || named.includes('/', colon)) return [named, null];
  return [named.slice(0, colon), named.slice(colon + 1)];
}

function splitDomain(name: string): [domain: string, rest: string] {
  if (!hasDomain(name)) return [DEFAULT_DOMAIN, name];
  const slash = name.indexOf('/');
  const first = name.slice(0, slash);
  return [first === 'index.docker.io' ? DEFAULT_DOMAIN : first, name.slice(slash + 1)];
}

/** True when `text` says a registry, so that nothing has to be guessed. */
export function hasDomain(text: string): boolean {
  const slash = text.indexOf('/');
  if (slash === -1) return false;
  const first = text.slice(0, slash);
  return first === 'localhost' || ['.', ':', '['].some((mark) => first.includes(mark));
}

function checkPath(text: string, path: string): void {
  const wrong = path.split('/').find((component) => !PATH_COMPONENT.test(component));
  if (wrong === undefined) return;
  if (wrong === '')
    throw invalid(
      text,
      path === '' ? 'the name, which is empty,' : 'an empty part of the name',
      'use [registry/]path[:tag][@digest]',
    );
  const hint =
    wrong !== wrong.toLowerCase()
      ? `use lower case: ${wrong.toLowerCase()}`
      : 'use lower case letters and digits, with ".", "_", "__" or "-" between them';
  throw invalid(text, `the part "${wrong}"`, hint);
}

function invalid(text: string, part: string, hint: string): HutchError {
  return new HutchError(`"${text}" is not an image name: ${part} is wrong`, {
    code: 'REFERENCE_INVALID',
    hint,
    context: { reference: text },
  });
}

/** Without podman's word for a registry, which hutch always means. */
export function withoutTransport(name: string): string {
  return name.replace(/^docker:\/\//u, '');
}

/** The whole name with its tag and digest: `docker.io/library/busybox:latest`. What the store keeps. */
export function fullName(reference: Reference): string {
  return `${repositoryOf(reference)}${suffixOf(reference)}`;
}

/** The whole name without tag and digest. */
export function repositoryOf(reference: Reference): string {
  return `${reference.domain}/${reference.path}`;
}

/** The name as people know it: `busybox:latest`. */
export function familiarName(reference: Reference): string {
  return `${familiarRepository(reference)}${suffixOf(reference)}`;
}

/** As familiarName, without tag and digest. */
export function familiarRepository({ domain, path }: Reference): string {
  if (domain !== DEFAULT_DOMAIN) return `${domain}/${path}`;
  const short = path.slice(OFFICIAL.length);
  return path.startsWith(OFFICIAL) && !short.includes('/') ? short : path;
}

function suffixOf({ tag, digest }: Reference): string {
  return `${tag === null ? '' : `:${tag}`}${digest === null ? '' : `@${digest}`}`;
}
