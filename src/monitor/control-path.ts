/** Where the control socket of a container lies; on the host's side. */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { O } from '../linux/flags.ts';
import type { Store } from '../state/store.ts';

/** Of sun_path, less its final zero. Source: unix(7). */
const MAX_PATH_BYTES = 107;
const ID_DIGITS = 24;

export function controlDirectory(store: Store): string {
  return join(store.run, 'monitors');
}

export function controlPath(store: Store, id: string): string {
  return join(controlDirectory(store), id.slice(0, ID_DIGITS));
}

/** A path for bind(2) or connect(2): a longer one goes by a descriptor of its directory, which must stay open meanwhile. */
export function shortControlPath(store: Store, id: string): Disposable & { readonly path: string } {
  const path = controlPath(store, id);
  if (Buffer.byteLength(path) <= MAX_PATH_BYTES) return { path, [Symbol.dispose]: () => undefined };
  const directory = openSync(controlDirectory(store), O.PATH | O.DIRECTORY | O.CLOEXEC);
  return {
    path: `/proc/self/fd/${String(directory)}/${id.slice(0, ID_DIGITS)}`,
    [Symbol.dispose]: () => {
      closeSync(directory);
    },
  };
}

export function makeControlDirectory(store: Store): void {
  mkdirSync(controlDirectory(store), { recursive: true, mode: 0o700 });
}
