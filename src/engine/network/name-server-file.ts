/** /etc/resolv.conf of a container whose first network is another one now; on the host's side. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { containerDirectory } from '../../state/container-id.ts';
import { isAbsent, writeError } from '../../state/json-file.ts';
import type { Store } from '../../state/store.ts';

/** Has names asked of this gateway from now on. Written into the file that is there: the container has it mounted. */
export function followGateway(store: Store, id: string, gateway: string): void {
  const path = join(containerDirectory(store, id), 'resolv.conf');
  try {
    const lines = readFileSync(path, 'utf8').split('\n');
    const kept = lines.filter((line) => line !== '' && !/^\s*nameserver\s/u.test(line));
    const text = [...kept, `nameserver ${gateway}`, ''].join('\n');
    if (text !== lines.join('\n')) writeFileSync(path, text);
  } catch (error) {
    if (!isAbsent(error)) throw writeError(path, error);
  }
}
