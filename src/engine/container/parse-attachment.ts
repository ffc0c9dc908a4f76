/** How the user is connected to a container, from their flags; pure. */
import type { Attachment } from '../../monitor/monitor-here.ts';
import { DEFAULT_DETACH_KEYS, parseDetachKeys } from '../../protocol/detach-keys.ts';
import { badValue } from './parse-values.ts';

export interface AttachFlags {
  readonly stdin: boolean;
  /** Undefined: the usual ones. */
  readonly detachKeys?: string | undefined;
  readonly sigProxy: boolean;
  /** stdin, stdout, stderr: only these are connected; undefined or none: all. */
  readonly attach?: readonly string[] | undefined;
}

/** USAGE_INVALID for keys that nobody can type, and for what is no stream. */
export function parseAttachment({ stdin, detachKeys, sigProxy, attach = [] }: AttachFlags): Attachment {
  const keys = detachKeys === undefined ? DEFAULT_DETACH_KEYS : parseDetachKeys(detachKeys);
  if (keys === undefined)
    throw badValue(
      '--detach-keys',
      detachKeys ?? '',
      'keys such as ctrl-p,ctrl-q: one character, or ctrl- and a letter',
    );
  if (attach.length === 0) return { stdin, detachKeys: keys, sigProxy };
  const streams = attach.flatMap(parseStreams);
  const outputs = (['stdout', 'stderr'] as const).filter((name) => streams.includes(name));
  return { stdin: stdin && streams.includes('stdin'), outputs, detachKeys: keys, sigProxy };
}

/** The streams of a container that its user is connected to. */
export function connectedStreams({
  stdin,
  outputs = ['stdout', 'stderr'],
}: Pick<Attachment, 'stdin' | 'outputs'>): ('stdin' | 'stdout' | 'stderr')[] {
  return [...(stdin ? (['stdin'] as const) : []), ...outputs];
}

/** In capitals, too, as docker's own messages have them. */
function parseStreams(text: string): string[] {
  const names = text.toLowerCase().split(',');
  if (names.every((name) => ['stdin', 'stdout', 'stderr'].includes(name))) return names;
  throw badValue('--attach', text, 'stdin, stdout or stderr');
}
