/** The payload's environment; reads --env-file files on the host's side. */
import { errnoOf, HutchError } from '../../errors/hutch-error.ts';
import { badValue } from './parse-values.ts';
import { readSmallFile } from './read-small-file.ts';
import type { RunRequest } from './run-request.ts';

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Later sources win: hutch's defaults, the image, --env-file, -e. `-e NAME` passes the caller's value on, if it has one. */
export function buildEnvironment(
  request: EnvironmentRequest,
  imageEnv: readonly string[],
  facts: { readonly hostname: string; readonly home: string },
): string[] {
  const defaults = [
    `PATH=${DEFAULT_PATH}`,
    ...(request.terminal ? [`TERM=${process.env['TERM'] ?? 'xterm'}`] : []),
    'container=hutch',
    `HOSTNAME=${facts.hostname}`,
    `HOME=${facts.home}`,
  ];
  return mergeEnvironment(request, [...defaults, ...imageEnv]);
}

/** What the flags of an environment say. */
export type EnvironmentRequest = Pick<RunRequest, 'terminal' | 'env' | 'envFiles'>;

/** `base`, of which later entries win, and what --env-file and -e add to it. */
export function mergeEnvironment(request: EnvironmentRequest, base: readonly string[]): string[] {
  const values = new Map<string, string>();
  const set = (flag: string, entry: string): void => {
    const equals = entry.indexOf('=');
    const name = equals < 0 ? entry : entry.slice(0, equals);
    if (name === '' || entry.includes('\0'))
      throw badValue(flag, entry, 'NAME=VALUE, or NAME to pass on your own value');
    const value = equals < 0 ? process.env[name] : entry.slice(equals + 1);
    if (value !== undefined) values.set(name, value);
  };
  for (const entry of base) set('the image', entry);
  for (const entry of request.envFiles.flatMap(readEnvFile)) set('--env-file', entry);
  for (const entry of request.env) set('-e', entry);
  return [...values].map(([name, value]) => `${name}=${value}`);
}

/** Lines of NAME=VALUE or NAME; empty ones and those that begin with # are left out. */
function readEnvFile(path: string): string[] {
  try {
    return readSmallFile(path)
      .split('\n')
      .map((line) => line.replace(/\r$/u, '').trimStart())
      .filter((line) => line !== '' && !line.startsWith('#'));
  } catch (cause) {
    throw new HutchError(`cannot read --env-file ${path}: ${errnoOf(cause) ?? (cause as Error).message}`, {
      code: 'USAGE_INVALID',
      hint: 'check the path, its permissions and its size',
      cause,
      context: { path },
    });
  }
}
