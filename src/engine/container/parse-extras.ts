/** What flags add to a spec that few use; looks at the host's files. Loaded for those alone who use one. */
import type { Store } from '../../state/store.ts';
import type { SpecExtras } from './build-spec.ts';
import { parseAnnotations } from './parse-annotations.ts';
import { parseMount } from './parse-mount.ts';
import type { RunRequest } from './run-request.ts';
import { zoneAnnotation, zoneMount } from './time-zone.ts';

/** USAGE_INVALID or VOLUME_INVALID, with the value at fault. */
export function parseExtras({ mounts = [], annotations = [], timeZone }: RunRequest, store: Store): SpecExtras {
  return {
    mounts: [
      ...mounts.map((text) => parseMount(text, store)),
      ...(timeZone === undefined ? [] : [zoneMount(timeZone)]),
    ],
    annotations: {
      ...parseAnnotations(annotations),
      ...(timeZone === undefined ? {} : zoneAnnotation(timeZone)),
    },
  };
}
