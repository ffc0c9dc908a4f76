/** Loading koffi: the addon beside the bundle when we run from one, else the npm package; in any process. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type * as Koffi from 'koffi';

export type KoffiLibrary = Pick<typeof Koffi, 'load' | 'errno' | 'address' | 'call' | 'proto'>;

let loaded: KoffiLibrary | undefined;

/**
 * The foreign function interface, loaded once: a process that has entered a container must not look for it there. The bundle
 * opens the native addon itself: that skips the package's own search for it and leaves nothing to be loaded after pivot_root(2), when the host's files are gone.
 */
export function loadKoffi(): KoffiLibrary {
  return (loaded ??= findKoffi());
}

function findKoffi(): KoffiLibrary {
  // What the loader of a built program has opened (.config/program-loader.cjs).
  const { hutchLoader } = globalThis as { readonly hutchLoader?: { readonly koffi?: KoffiLibrary } };
  if (hutchLoader?.koffi !== undefined) return hutchLoader.koffi;
  const program = process.argv[1] ?? '';
  const addon = join(dirname(program), 'koffi.node');
  if (program.endsWith('.cjs') && existsSync(addon)) {
    return createRequire(program)(addon) as KoffiLibrary;
  }
  return createRequire(program)('koffi') as KoffiLibrary;
}
