/** Which containers were made from which images, read from their records; in the CLI process. */
import { join } from 'node:path';
import type { ImageUse } from '../../images/store/sweep.ts';
import { listNames, readJsonFile } from '../../state/json-file.ts';
import type { Store } from '../../state/store.ts';

/** All containers of the store, running or not. RECORD_CORRUPT rather than a guess when a record cannot be read. */
export function readImageUses(store: Store): ImageUse[] {
  return listNames(store.containers).flatMap((id) => {
    const record = readJsonFile(join(store.containers, id, 'container.json'));
    const image = fieldsOf(fieldsOf(record)['image']);
    const { name } = fieldsOf(record);
    if (typeof image['id'] !== 'string') return [];
    return [
      { container: typeof name === 'string' ? name : id, imageId: image['id'], layers: textsOf(image['layers']) },
    ];
  });
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
