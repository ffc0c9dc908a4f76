/** registries.conf, version 2: which registries stand behind which names; on the host's side. Source: containers-registries.conf(5). */
import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { errnoOf, HutchError } from '../../errors/hutch-error.ts';

export interface MirrorRule {
  readonly location: string;
  readonly insecure: boolean;
  readonly pullFrom: 'all' | 'digest-only' | 'tag-only';
}

/** One `[[registry]]`. */
export interface RegistryRule {
  /** What a name must begin with: `host[:port][/path]`, or `*.domain`. */
  readonly prefix: string;
  /** What stands in the prefix's place. */
  readonly location: string;
  readonly insecure: boolean;
  readonly blocked: boolean;
  readonly mirrors: readonly MirrorRule[];
}

export interface RegistriesConfig {
  /** Short names and what they stand for. */
  readonly aliases: Readonly<Record<string, string>>;
  /** Registries to try for other short names; empty means docker.io. */
  readonly searchRegistries: readonly string[];
  readonly rules: readonly RegistryRule[];
}

const EMPTY: RegistriesConfig = { aliases: {}, searchRegistries: [], rules: [] };

/**
 * The file that CONTAINERS_REGISTRIES_CONF names, alone; or else the user's registries.conf in place of the system's, and
 * then the files in registries.conf.d of the system and of the user, later ones winning. CONFIG_INVALID names the file.
 */
export function readRegistriesConfig(env: NodeJS.ProcessEnv = process.env): RegistriesConfig {
  const given = env['CONTAINERS_REGISTRIES_CONF'] ?? '';
  if (given !== '') return parseFile(given, readText(given, true));
  const user = join(env['XDG_CONFIG_HOME'] ?? join(env['HOME'] ?? homedir(), '.config'), 'containers');
  const system = '/etc/containers';
  const main = [user, system]
    .map((directory) => join(directory, 'registries.conf'))
    .find((path) => readText(path) !== undefined);
  const dropIns = [system, user].flatMap((directory) => listConf(join(directory, 'registries.conf.d')));
  const files = [...(main === undefined ? [] : [main]), ...dropIns];
  return files.map((path) => parseFile(path, readText(path))).reduce(merge, EMPTY);
}

function merge(before: RegistriesConfig, later: RegistriesConfig): RegistriesConfig {
  const replaced = new Set(later.rules.map(({ prefix }) => prefix));
  return {
    aliases: { ...before.aliases, ...later.aliases },
    searchRegistries: later.searchRegistries.length > 0 ? later.searchRegistries : before.searchRegistries,
    rules: [...before.rules.filter(({ prefix }) => !replaced.has(prefix)), ...later.rules],
  };
}

function listConf(directory: string): string[] {
  try {
    const names = readdirSync(directory).filter((name) => name.endsWith('.conf'));
    return names.sort().map((name) => join(directory, name));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(errnoOf(error) ?? '')) return [];
    throw error;
  }
}

function readText(path: string, isRequired = false): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (!isRequired && ['ENOENT', 'ENOTDIR', 'EACCES'].includes(errnoOf(error) ?? '')) return undefined;
    throw invalid(path, errnoOf(error) ?? String(error), error);
  }
}

function invalid(path: string, reason: string, cause?: unknown): HutchError {
  return new HutchError(`${path}: ${reason}`, {
    code: 'CONFIG_INVALID',
    hint: 'correct the file (man containers-registries.conf), or name another one in CONTAINERS_REGISTRIES_CONF',
    cause,
    context: { path },
  });
}

/** Reads the text of the file `path`. CONFIG_INVALID says what is wrong in it. */
export function parseFile(path: string, text = ''): RegistriesConfig {
  const file = parseToml(path, text);
  const fail = (reason: string): never => {
    throw invalid(path, reason);
  };
  const table = (value: unknown, where: string): Readonly<Record<string, unknown>> =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : fail(`${where} must be a table`);
  const list = (value: unknown, where: string): readonly unknown[] =>
    value === undefined ? [] : Array.isArray(value) ? value : fail(`${where} must be a list`);
  const word = (value: unknown, where: string): string =>
    typeof value === 'string' && value !== '' ? value.replace(/\/+$/u, '') : fail(`${where} must be text`);
  const flag = (value: unknown, where: string): boolean =>
    value === undefined ? false : typeof value === 'boolean' ? value : fail(`${where} must be true or false`);
  if (file['registries'] !== undefined) fail('it is in the old format, version 1');
  const mirrorOf = (value: unknown, isDigestOnly: boolean): MirrorRule => {
    const mirror = table(value, 'registry.mirror');
    const from = mirror['pull-from-mirror'] ?? (isDigestOnly ? 'digest-only' : 'all');
    if (from !== 'all' && from !== 'digest-only' && from !== 'tag-only')
      return fail(`pull-from-mirror ${JSON.stringify(from)} is not known`);
    const location = word(mirror['location'], 'registry.mirror.location');
    return { location, insecure: flag(mirror['insecure'], 'registry.mirror.insecure'), pullFrom: from };
  };
  const ruleOf = (value: unknown): RegistryRule => {
    const rule = table(value, 'registry');
    const prefix = word(rule['prefix'] ?? rule['location'], 'registry.prefix');
    const isDigestOnly = flag(rule['mirror-by-digest-only'], 'registry.mirror-by-digest-only');
    return {
      prefix,
      // Without a location the name stays as it is, which alone makes sense for a wildcard.
      location: rule['location'] === undefined ? prefix : word(rule['location'], 'registry.location'),
      insecure: flag(rule['insecure'], 'registry.insecure'),
      blocked: flag(rule['blocked'], 'registry.blocked'),
      mirrors: list(rule['mirror'], 'registry.mirror').map((mirror) => mirrorOf(mirror, isDigestOnly)),
    };
  };
  const aliases = Object.entries(table(file['aliases'] ?? {}, 'aliases'));
  return {
    aliases: Object.fromEntries(
      aliases.filter(([, to]) => to !== '').map(([from, to]) => [from, word(to, `aliases.${from}`)]),
    ),
    searchRegistries: list(file['unqualified-search-registries'], 'unqualified-search-registries').map((name) =>
      word(name, 'unqualified-search-registries'),
    ),
    rules: list(file['registry'], 'registry').map(ruleOf),
  };
}

function parseToml(path: string, text: string): Readonly<Record<string, unknown>> {
  try {
    return parse(text);
  } catch (cause) {
    throw invalid(
      path,
      `it is not TOML: ${String(cause instanceof Error ? cause.message.split('\n', 1).join() : cause)}`,
      cause,
    );
  }
}
