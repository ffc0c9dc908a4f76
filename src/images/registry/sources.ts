/** From a name that a user wrote to the places where it may be found; pure. */
import { HutchError } from '../../errors/hutch-error.ts';
import { fullName, hasDomain, parseReference, repositoryOf, type Reference } from '../reference.ts';
import { isLoopbackHost } from './addresses.ts';
import type { RegistriesConfig, RegistryRule } from './registries-conf.ts';

/** One place to ask for an image. */
export interface Source {
  /** Registry host with an optional port. */
  readonly domain: string;
  readonly path: string;
  /** Plain http is allowed, and a certificate need not be valid. */
  readonly insecure: boolean;
  readonly isMirror: boolean;
}

/** The full names that `text` may mean, the most likely first. REFERENCE_INVALID. */
export function expandName(text: string, config: RegistriesConfig): Reference[] {
  if (hasDomain(text)) return [parseReference(text)];
  const short = parseReference(text);
  const [, name = text, rest = ''] = /^([^:@]+)(.*)$/su.exec(text) ?? [];
  const alias = Object.hasOwn(config.aliases, name) ? config.aliases[name] : undefined;
  if (alias !== undefined) return [parseReference(`${alias}${rest}`)];
  const registries = config.searchRegistries.length > 0 ? config.searchRegistries : [short.domain];
  return registries.map((registry) => parseReference(`${registry}/${text}`));
}

/** Where to pull `reference` from: mirrors first, its own registry last. REGISTRY_DENIED when registries.conf blocks it. */
export function sourcesOf(reference: Reference, config: RegistriesConfig): Source[] {
  const rule = ruleFor(reference, config);
  if (rule?.blocked === true) throw blocked(reference, rule);
  const own = { ...relocated(reference, rule, rule?.location), insecure: rule?.insecure ?? false, isMirror: false };
  const isDigest = reference.digest !== null;
  const mirrors = (rule?.mirrors ?? [])
    .filter(({ pullFrom }) => pullFrom === 'all' || (pullFrom === 'digest-only') === isDigest)
    .map((mirror) => ({ ...relocated(reference, rule, mirror.location), insecure: mirror.insecure, isMirror: true }));
  return [...mirrors, own];
}

/** Where `reference` is pushed to. REGISTRY_DENIED when registries.conf blocks it. */
export function ownSource(reference: Reference, config: RegistriesConfig): Source {
  const own = sourcesOf(reference, config).at(-1);
  return own ?? { domain: reference.domain, path: reference.path, insecure: false, isMirror: false };
}

/** The rule with the longest prefix that fits. */
function ruleFor(reference: Reference, { rules }: RegistriesConfig): RegistryRule | undefined {
  return rules
    .filter(
      ({ prefix }) => matchedLength(repositoryOf(reference), prefix) !== undefined || prefix === fullName(reference),
    )
    .reduce<RegistryRule | undefined>(
      (best, next) => (best === undefined || next.prefix.length > best.prefix.length ? next : best),
      undefined,
    );
}

/** How much of `repository` the prefix covers; undefined when it does not fit. */
function matchedLength(repository: string, prefix: string): number | undefined {
  if (prefix.startsWith('*.')) {
    const domain = repository.split('/', 1).join();
    const hasSuffix = domain.endsWith(prefix.slice(1)) && domain.length >= prefix.length;
    return hasSuffix ? domain.length : undefined;
  }
  const isWhole = repository === prefix || repository.startsWith(`${prefix}/`);
  return isWhole ? prefix.length : undefined;
}

function relocated(
  reference: Reference,
  rule: RegistryRule | undefined,
  location: string | undefined,
): Pick<Source, 'domain' | 'path'> {
  const repository = repositoryOf(reference);
  const covered = rule === undefined ? undefined : matchedLength(repository, rule.prefix);
  if (location === undefined || covered === undefined || location.startsWith('*.'))
    return { domain: reference.domain, path: reference.path };
  const place = `${location}${repository.slice(covered)}`;
  if (!hasDomain(place)) throw noHost(location);
  const { domain, path } = parseReference(place);
  return { domain, path };
}

/** A location of one word would be read as a short name, and lead to docker.io. */
function noHost(location: string): HutchError {
  return new HutchError(`registries.conf: the location "${location}" names no registry host`, {
    code: 'CONFIG_INVALID',
    hint: 'write it with a dot or a port in its first part, such as registry.example:5000/team',
  });
}

function blocked(reference: Reference, { prefix }: RegistryRule): HutchError {
  return new HutchError(`registries.conf blocks ${repositoryOf(reference)} (prefix ${prefix})`, {
    code: 'REGISTRY_DENIED',
    hint: 'take the image from another registry, or ask whoever wrote registries.conf',
  });
}

/** True where plain http may be spoken: on this machine, or where somebody said so. */
export function mayBePlain({ domain, insecure }: Pick<Source, 'domain' | 'insecure'>): boolean {
  return insecure || isLoopbackHost(domain);
}
