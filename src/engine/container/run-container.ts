/** `hutch run`: makes a container and becomes its monitor, in the foreground or not; on the host's side. */
import { HutchError } from '../../errors/hutch-error.ts';
import { readSession } from '../../host/session.ts';
import { askForNetwork, discard, startNetwork, tellEarly, type HeadStart } from '../../monitor/head-start.ts';
import { isWorthAnchoring } from '../../monitor/session-anchor.ts';
import type { HereOptions } from '../../monitor/monitor-here.ts';
import { takeWaitingShell } from '../../monitor/waiting-shell.ts';
import { refuseCidFile, refusePidFile, writeCidFile } from './cid-file.ts';
import { keepCreated } from './create-container.ts';
import type { EarlyNetwork } from './draft-container.ts';
import { makeContainer, writeBundle, type MadeContainer, type MakeEars } from './make-container.ts';
import { connectedStreams, parseAttachment, type AttachFlags } from './parse-attachment.ts';
import type { RunRequest } from './run-request.ts';
import { startInBackground } from './start-container.ts';
import { lifeLimit } from './life-limits.ts';
import { tellOnce } from './tell-once.ts';
import { traceSteps, type Trace } from './trace-steps.ts';

export interface RunEars extends MakeEars {
  /** Told of every step of the plan; null when nobody wants to know. */
  readonly trace: Trace | null;
  /** A detached container runs. It is the last thing that is said on the user's streams. */
  detached(id: string): void;
}

export interface RunOptions extends Omit<AttachFlags, 'stdin'> {
  readonly detach: boolean;
  readonly cidFile?: string | undefined;
  /** Says nothing of what the container's life depends on. */
  readonly isQuiet: boolean;
  /** Looks after the container instead of this code, which can then be forgotten. */
  readonly handOver?: ((to: HereOptions) => Promise<number>) | undefined;
  /** An init that waits for a plan, if there is one: once. */
  readonly takeHeadStart?: (() => HeadStart | undefined) | undefined;
  /** The same, which stays where it is. */
  readonly peekHeadStart?: (() => HeadStart | undefined) | undefined;
}

/**
 * Runs a container to its end and returns the payload's exit code. Everything that was made is removed again when it fails before the
 * payload ran, and with `remove` also after it. With `detach`, or when the detach keys are typed, the user gets 0 as soon as the
 * container runs without them, and this process goes on as its monitor.
 */
export async function runContainer(request: RunRequest, ears: RunEars, options: RunOptions): Promise<number> {
  const shell = takeWaitingShell(process.env);
  const attachment = parseAttachment({ ...options, stdin: request.interactive });
  refuseAttachedDetached(options);
  refuseCidFile(options.cidFile);
  refusePidFile(request.pidFile);
  const watchPull: RunEars['watchPull'] = (work) => {
    // A pull takes its time; init is not kept waiting for it.
    const early = options.takeHeadStart?.();
    if (early !== undefined) discard(early);
    return ears.watchPull(work);
  };
  const made = await makeContainer(
    request,
    { ...ears, watchPull },
    { attached: options.detach ? [] : connectedStreams(attachment), earlyNetwork: earlyNetwork(options) },
  );
  if (options.detach && !options.isQuiet) tellWhoLeaves(made, (text) => ears.warn(text));
  if (options.detach && shell === undefined) return runElsewhere(made, ears, options);
  const early = options.takeHeadStart?.();
  return (options.handOver ?? monitorInPlace)({
    store: made.store,
    record: made.record,
    identity: made.identity,
    plan: made.draft.plan,
    headStart:
      early === undefined
        ? undefined
        : tellEarly(early, made.draft.plan, { run: made.store.run, trace: ears.trace !== null }),
    shell,
    attachment: options.detach ? null : attachment,
    // What nobody can read afterwards is written only for those who cannot see it now.
    isLogged: options.detach || !request.remove || request.logDriver !== undefined || attachment.outputs !== undefined,
    meanwhile: () => {
      // While init works: the bundle is for others to read, the plan is on its way already.
      writeBundle(made.store, made.record, made.draft);
      writeCidFile(options.cidFile, made.record.id);
    },
    onRunning: () => {
      // Who sees nothing of it gets its id, as with docker.
      if (options.detach || attachment.outputs?.length === 0) ears.detached(made.record.id);
    },
    onStep: ears.trace === null ? null : traceSteps(made.draft.plan, ears.trace),
  });
}

function earlyNetwork({ peekHeadStart }: RunOptions): EarlyNetwork {
  const whenThere = (work: (headStart: HeadStart) => void): void => {
    const headStart = peekHeadStart?.();
    if (headStart !== undefined) work(headStart);
  };
  return {
    isWanted: () => {
      whenThere(askForNetwork);
    },
    start: (words, run) => {
      whenThere((headStart) => {
        startNetwork(headStart, words, run);
      });
    },
  };
}

function refuseAttachedDetached({ detach, attach = [] }: RunOptions): void {
  if (!detach || attach.length === 0) return;
  throw new HutchError('--attach and --detach contradict each other', {
    code: 'USAGE_INVALID',
    hint: 'leave one of them out',
  });
}

async function monitorInPlace(options: HereOptions): Promise<number> {
  const { monitorHere } = await import('../../monitor/monitor-here.ts');
  return monitorHere(options);
}

/** Without the launcher's shell this process cannot part from the user: a monitor of its own starts the container. */
async function runElsewhere(made: MadeContainer, ears: RunEars, options: RunOptions): Promise<number> {
  keepCreated(made);
  writeCidFile(options.cidFile, made.record.id);
  await startInBackground(made.record);
  ears.detached(made.record.id);
  return 0;
}

/** What the container's life depends on, and who reaches it. */
function tellWhoLeaves({ store, draft }: MadeContainer, tell: (text: string) => void): void {
  const facts = readSession();
  // Its scope belongs to the user's manager, whatever session it is started from.
  const own = isInScope(draft) && !isWorthAnchoring(facts) ? { ...facts, session: null, isInUserManager: true } : facts;
  tellOnce(store, { topic: 'life', text: lifeLimit(own, store.run) }, tell, facts);
  tellOnce(store, { topic: 'ports', text: draft.published.reach }, tell, facts);
}

/** True when systemd keeps a scope for it. */
function isInScope({ plan }: MadeContainer['draft']): boolean {
  return plan.steps.some((step) => step.kind === 'join_cgroup' && step.driver === 'systemd');
}
