/** What a probe of the host reports, in one shape for all of them; pure data and its makers, on the host's side. */

/** A thing that somebody can do about a finding. */
export interface Fix {
  /** `you`: needs no privilege. `admin`: needs root on this host. */
  readonly who: 'you' | 'admin';
  /** A command, or a sentence where no command does it. */
  readonly text: string;
}

/** What a probe looks at. */
export interface Topic {
  readonly id: string;
  readonly title: string;
  /** True when `hutch run` with no further flags cannot work without it. */
  readonly needed: boolean;
}

export interface Finding extends Topic {
  /** `skip`: it could not be tried because something that it builds on failed, or does not concern this host. */
  readonly status: 'ok' | 'warn' | 'fail' | 'skip';
  /** What was measured. */
  readonly detail: string;
  /** Why it is not as it should be; null when all is well. */
  readonly cause: string | null;
  readonly fix: readonly Fix[];
}

/** Why something fails, and what to do about it. */
export interface Diagnosis {
  readonly cause: string;
  readonly fix: readonly Fix[];
}

export function fine(topic: Topic, detail: string): Finding {
  return { ...topic, status: 'ok', detail, cause: null, fix: [] };
}

export function skipped(topic: Topic, detail: string): Finding {
  return { ...topic, status: 'skip', detail, cause: null, fix: [] };
}

/** Containers run, but something about them is worse than it could be. */
export function lessened(topic: Topic, detail: string, { cause, fix }: Diagnosis): Finding {
  return { ...topic, status: 'warn', detail, cause, fix };
}

/** It does not work. A failure of something that `run` can do without is a warning. */
export function failed(topic: Topic, detail: string, { cause, fix }: Diagnosis): Finding {
  return { ...topic, status: topic.needed ? 'fail' : 'warn', detail, cause, fix };
}

/** A fix for the user. */
export function you(text: string): Fix {
  return { who: 'you', text };
}

/** A fix for whoever administrates the host. */
export function admin(text: string): Fix {
  return { who: 'admin', text };
}

/** What a probe throws when the host has not answered in time: that says nothing of what was asked. */
export class NoAnswer extends Error {
  constructor(timeoutMs: number, step?: string) {
    super(`${step === undefined ? '' : `${step}: `}no answer within ${timeoutMs / 1000} s`);
  }
}

/**
 * Runs one probe, and turns what it throws, or its silence for `timeoutMs`, into a finding about itself: one broken probe
 * never hides the others.
 */
export async function conclude(
  topic: Topic,
  probe: () => Finding | Promise<Finding>,
  timeoutMs = 40_000,
): Promise<Finding> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new NoAnswer(timeoutMs)), timeoutMs);
  });
  try {
    return await Promise.race([Promise.resolve().then(probe), silence]);
  } catch (error) {
    return unknown(topic, error);
  } finally {
    clearTimeout(timer);
  }
}

function unknown(topic: Topic, error: unknown): Finding {
  const detail = error instanceof Error ? error.message : String(error);
  if (!(error instanceof NoAnswer))
    return failed(topic, detail, { cause: 'this check itself failed, so nothing is known about it', fix: [] });
  return failed(topic, detail, {
    cause: 'the host is too busy, or something in it hangs, so nothing is known about it',
    fix: [you('try again when the host has less to do')],
  });
}
