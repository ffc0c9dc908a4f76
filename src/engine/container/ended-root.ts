/** The root of a container that does not run, mounted for one program that reads it or puts files into it; on the host's side. */
import { join } from 'node:path';
import { HutchError } from '../../errors/hutch-error.ts';
import { identifyProcess } from '../../host/process-identity.ts';
import { prepareAgain } from '../../monitor/prepare-again.ts';
import { shellWords } from '../../plan/render/shell-quote.ts';
import type { Plan, Step } from '../../plan/step.ts';
import { containerDirectory, findContainer, type ContainerRecord } from '../../state/container-record.ts';
import { currentState, isBusy } from '../../state/container-state.ts';
import { readJsonFile } from '../../state/json-file.ts';
import { enterRunning, leaveRunning } from '../../state/running-list.ts';
import type { Store } from '../../state/store.ts';
import { hostRootLines, type RootUse } from './host-root-script.ts';

export interface EndedRoot extends Disposable {
  /** Where it is mounted, for a program that is started behind `prefix`. */
  readonly root: string;
  /** Words before those of the program: they mount the root in its mount namespace. */
  readonly prefix: readonly string[];
}

/** What is mounted lies in the container's own directory, into which no container sees: no link can lead the mount elsewhere. */
interface Mounting {
  readonly root: string;
  readonly script: string | null;
}

/**
 * What a script that mounts runs in front of its program: a helper ends with the pid namespace, and so with the program. One that reads dies with
 * the CLI; one that writes ends by itself then, as nothing more comes, and before that takes away what is not whole: signals of the terminal do
 * not reach it.
 */
const ALONE: Readonly<Record<RootUse, readonly string[]>> = {
  read: ['setpriv', '--pdeathsig', 'KILL', 'unshare', '--pid', '--fork', '--kill-child=SIGKILL', '--'],
  write: ['setsid', 'setpriv', '--pdeathsig', 'clear', 'unshare', '--pid', '--fork', '--kill-child=SIGKILL', '--'],
};

/**
 * Keeps others from starting or removing the container until the result is disposed of, and makes its directories ready for a mount.
 * CONTAINER_RUNNING when somebody else is at it, RECORD_CORRUPT.
 */
export async function enterEnded(store: Store, { id, name }: ContainerRecord, use: RootUse): Promise<EndedRoot> {
  const own = identifyProcess(process.pid);
  if (own === undefined || !(await enterRunning(store, id, own))) throw isTaken(name);
  try {
    if (isBusy(currentState(store, findContainer(store, id)))) throw isTaken(name);
    const plan = planOf(store, id);
    const mounting = plan === undefined ? undefined : mountingOf(plan, use);
    if (plan === undefined || mounting === undefined) throw isNotWhole(name);
    await prepareAgain(store, id, plan);
    return { ...behind(mounting, use), [Symbol.dispose]: () => leaveRunning(store, id) };
  } catch (error) {
    leaveRunning(store, id);
    throw error;
  }
}

/**
 * The root of a container of the image `host`, to be read. Its overlays are mounted beside whatever the container has, so that nobody is kept from
 * anything; only with a helper, which knows one kind of mount, it is as for enterEnded(), with its errors.
 */
export async function readEndedHost(store: Store, record: ContainerRecord): Promise<EndedRoot> {
  const plan = planOf(store, record.id);
  const isPlain = plan?.steps.some(({ kind }) => kind === 'overlay_host_directory') === true;
  const mounting = isPlain ? mountingOf(plan, 'read') : undefined;
  if (mounting === undefined) return enterEnded(store, record, 'read');
  return { ...behind(mounting, 'read'), [Symbol.dispose]: () => undefined };
}

function planOf(store: Store, id: string): Plan | undefined {
  return readJsonFile(join(containerDirectory(store, id), 'plan.json')) as Plan | undefined;
}

function behind({ root, script }: Mounting, use: RootUse): Pick<EndedRoot, 'root' | 'prefix'> {
  return { root, prefix: script === null ? [] : [...ALONE[use], 'sh', '-p', '-c', script, 'hutch-mount'] };
}

/** As the plan of the container does it, by tools of the host. */
function mountingOf(plan: Plan, use: RootUse): Mounting | undefined {
  const { steps } = plan;
  const overlay = steps.find((step) => step.kind === 'mount_overlay');
  if (overlay !== undefined) return { root: overlay.at, script: withRoot(mountOverlay(overlay), overlay.at) };
  const bind = steps.find((step) => step.kind === 'bind_root');
  const wait = steps.find((step) => step.kind === 'wait_for' && step.what === 'rootfs') as Step<'wait_for'> | undefined;
  if (bind === undefined) return undefined;
  const inside = hostRootLines(plan, bind.at, use);
  if (wait === undefined && inside.length === 0) return { root: bind.source, script: null };
  const mount =
    wait === undefined
      ? `mount -c --bind ${shellWords([bind.source, bind.at])}`
      : `${shellWords(wait.helper)} </dev/null >/dev/null 3>&-`;
  return { root: bind.at, script: withRoot([`${mount} || exit 125`, ...inside].join('\n'), bind.at) };
}

/** Paths are relative to the container's directory, and so have no characters that options take for their own. */
function mountOverlay({ from, lower, upper, work, options, at }: Step<'mount_overlay'>): string {
  const data = [`lowerdir=${lower.join(':')}`, `upperdir=${upper}`, `workdir=${work}`, ...options].join(',');
  return `cd ${shellWords([from])} && mount -c ${shellWords(['-t', 'overlay', 'overlay', '-o', data, at])}`;
}

function withRoot(mount: string, at: string): string {
  return `{ ${mount}\n} || exit 125\n"$@"\ncode=$?\ncd /; umount -R -- ${shellWords([at])}\nexit $code`;
}

function isTaken(name: string): HutchError {
  return new HutchError(`container "${name}" is being started or removed, or copied into by somebody else`, {
    code: 'CONTAINER_RUNNING',
    hint: 'try again, or see `hutch ps -a`',
    context: { container: name },
  });
}

function isNotWhole(name: string): HutchError {
  return new HutchError(`container "${name}" is not whole: its plan is missing`, {
    code: 'RECORD_CORRUPT',
    hint: 'remove it with hutch rm, and make it again',
    context: { container: name },
  });
}
