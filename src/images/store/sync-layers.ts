/** Writing unpacked layers to the disk before they become visible; on the host's side. */
import { HutchError } from '../../errors/hutch-error.ts';
import { runTool } from '../../host/run-tool.ts';
import { writeError } from '../../state/json-file.ts';
import { readSettings } from '../../state/settings.ts';
import type { Store } from '../../state/store.ts';

/** Others may have written much. */
const LONGEST_MS = 3_600_000;

/**
 * Has the store's file system write all it was given, by one syncfs(2): tens of thousands of files, each by itself, take far longer. Does nothing
 * when the settings say "syncLayers": "no". STORAGE_FULL, STORE_UNWRITABLE: some file systems find out only now.
 */
export async function syncLayers(store: Store): Promise<void> {
  if (readSettings(store).syncLayers === 'no') return;
  const { code, stderr } = await runTool(['sync', '--file-system', store.layers], { timeoutMs: LONGEST_MS });
  if (code === 0) return;
  if (/No space left|quota/iu.test(stderr)) throw writeError(store.layers, 'ENOSPC');
  throw new HutchError(`cannot sync ${store.layers}: ${stderr.trim()}`, {
    code: 'STORE_UNWRITABLE',
    hint: 'see what the kernel says of that file system (dmesg), or set HUTCH_DATA to another',
    context: { path: store.layers },
  });
}
