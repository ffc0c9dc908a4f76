/** How the user is connected to a container, from their flags; pure. */
import type { Attachment } from '../../monitor/monitor-here.ts';
import { DEFAULT_DETACH_KEYS, parseDetachKeys } from '../../protocol/detach-keys.ts';
import { badValue } from './parse-values.ts';

export interface AttachFlags {
  readonly stdin: boolean;
  /** Undefined: the usual ones. */
  readonly detachKeys?: string | undefined;
  readonly sigProxy: boolean;
}

/** USAGE_INVALID for keys that nobody can type. */
export function parseAttachment({ stdin, detachKeys, sigProxy }: AttachFlags): Attachment {
  const keys = parseDetachKeys(detachKeys ?? DEFAULT_DETACH_KEYS);
  if (keys === undefined)
    throw badValue(
      '--detach-keys',
      detachKeys ?? '',
      'keys such as ctrl-p,ctrl-q: one character, or ctrl- and a letter',
    );
  return { stdin, detachKeys: keys, sigProxy };
}
