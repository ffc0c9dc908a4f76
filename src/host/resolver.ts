/** Where this host asks for names, and what a container's /etc/resolv.conf makes of it; on the host's side. Source: resolv.conf(5). */
import { readFileSync } from 'node:fs';

export const HOST_RESOLVER = '/etc/resolv.conf';

/** What a container was given; null: as the host has it, also when that changes. */
export interface ResolverSettings {
  readonly servers: readonly string[] | null;
  readonly search: readonly string[] | null;
  readonly options: readonly string[] | null;
  /** The option `ndots`, where neither the user nor the host gives one; left out, the resolver's own. */
  readonly dots?: number;
}

/** The text of the host's file; empty where it has none. */
export function readHostResolver(path = HOST_RESOLVER): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Pure: a container's file, from the text of the host's. */
export function composeResolver(host: string, { servers, search, options, dots }: ResolverSettings): string {
  const lines = host.split('\n');
  const kept = (...keywords: readonly string[]): string[] => lines.filter((line) => keywords.includes(keywordOf(line)));
  const given = options === null ? kept('options') : [`options ${options.join(' ')}`];
  const hasDots = dots === undefined || given.some((line) => line.includes('ndots:'));
  return `${[
    ...(search === null ? kept('search', 'domain') : [`search ${search.join(' ')}`]),
    ...given,
    ...(hasDots ? [] : [`options ndots:${String(dots)}`]),
    ...(servers === null ? kept('nameserver') : servers.map((address) => `nameserver ${address}`)),
  ].join('\n')}\n`;
}

/** The first word of a line that has another. */
function keywordOf(line: string): string {
  const [keyword = '', value] = line.replaceAll('\t', ' ').trim().split(' ', 2);
  return value === undefined ? '' : keyword;
}
