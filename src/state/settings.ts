/** The user's settings file, `config.json` in the configuration directory; on the host's side. */
import { isIP } from 'node:net';
import { join } from 'node:path';
import { HutchError } from '../errors/hutch-error.ts';
import { readJsonFile } from './json-file.ts';
import type { Store } from './store.ts';

export interface Settings {
  /** As --storage-driver. */
  readonly storageDriver?: string;
  /** As --cgroup-driver. */
  readonly cgroupDriver?: string;
  /** As --net. */
  readonly network?: string;
  /** Where the host listens for a published port whose address the user does not name; 127.0.0.1 by default. */
  readonly publishAddress?: string;
  /** `no` leaves unpacked layers to the kernel to write (docs/adr/0013); `yes` is the default. */
  readonly syncLayers?: string;
}

const KEYS: readonly string[] = [
  'storageDriver',
  'cgroupDriver',
  'network',
  'publishAddress',
  'syncLayers',
] satisfies (keyof Settings)[];

/** The settings; an absent file has none. CONFIG_INVALID names the file and what is wrong in it. */
export function readSettings(store: Store): Settings {
  const path = join(store.config, 'config.json');
  const value = readJsonFile(path) ?? {};
  if (typeof value !== 'object' || Array.isArray(value)) throw invalid(path, 'it is not a JSON object');
  for (const [key, setting] of Object.entries(value)) {
    if (!KEYS.includes(key)) throw invalid(path, `"${key}" is not a setting`);
    if (typeof setting !== 'string') throw invalid(path, `"${key}" is not a string`);
  }
  const { syncLayers = 'yes' } = value as Settings;
  if (syncLayers !== 'yes' && syncLayers !== 'no')
    throw invalid(path, `"syncLayers" is "${syncLayers}", not yes or no`);
  const { publishAddress } = value as Settings;
  if (publishAddress !== undefined && isIP(publishAddress) === 0)
    throw invalid(path, `"publishAddress" is "${publishAddress}", not an address such as 0.0.0.0`);
  return value;
}

function invalid(path: string, reason: string): HutchError {
  return new HutchError(`${path}: ${reason}`, {
    code: 'CONFIG_INVALID',
    hint: `known settings: ${KEYS.join(', ')}`,
    context: { path },
  });
}
