/** `hutch exec` and `hutch plan exec`: a program more in a running container; in the CLI process. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { upperDirectory } from '../../drivers/rootfs/container-paths.ts';
import { EXIT_OK, exitCodeOf } from '../../errors/exit-codes.ts';
import { isHutchError } from '../../errors/hutch-error.ts';
import {
  deniesGroups,
  foreignNamespaces,
  hardLimits,
  hasShutRoot,
  parentInSameUserns,
  type JoinableNamespace,
} from '../../host/container-process.ts';
import type { IdExtent, UserNamespace } from '../../linux/id-map.ts';
import { superviseExec } from '../../monitor/exec-session.ts';
import { PROBE_VARIABLE } from '../../monitor/health-probe.ts';
import { readBeneath } from '../../monitor/read-in-container.ts';
import type { RuntimeSpec, SpecIdMapping } from '../../oci/runtime-spec.ts';
import { compileExec } from '../../plan/compile/compile-exec.ts';
import { renderExplanation } from '../../plan/render/explain.ts';
import { renderJson } from '../../plan/render/json.ts';
import type { ExecPlan } from '../../plan/step.ts';
import type { CgroupRecord } from '../../state/container-state.ts';
import { containerDirectory, type ContainerRecord } from '../../state/container-record.ts';
import { noteEvent, type ContainerAction } from '../../state/events.ts';
import { locateStore } from '../../state/store.ts';
import { enterChain } from '../../userns/enter-chain.ts';
import { isPaused, justEnded } from './container-errors.ts';
import type { ExecRequest } from './exec-request.ts';
import { execSpec } from './exec-spec.ts';
import { hostArchitecture } from './host-architecture.ts';
import { locateInit } from '../../monitor/locate-init.ts';
import { parseAttachment } from './parse-attachment.ts';
import { badValue } from './parse-values.ts';
import { MAX_ACCOUNT_BYTES, resolveUserBy, type ResolvedUser } from './resolve-user.ts';
import { findRunning, hasEnded, type RunningContainer } from './running-container.ts';

/** Of what an event tells of a command. */
const MAX_COMMAND_LENGTH = 200;

export const EXEC_PLAN_FORMATS = ['text', 'json'] as const;

/**
 * Runs a command in a running container and returns its exit code, or 0 at once with `detach` or after the detach keys. CONTAINER_UNKNOWN, CONTAINER_STOPPED,
 * USAGE_INVALID, ID_UNMAPPED; as superviseExec besides.
 */
export async function execInContainer(request: ExecRequest): Promise<number> {
  const { stdin, detachKeys } = parseAttachment({
    stdin: request.interactive && !request.detach,
    detachKeys: request.detachKeys,
    sigProxy: true,
  });
  const container = await findRunning(locateStore(), request.container);
  if (container.isHeld) throw isPaused(container.record);
  const facts = factsOf(container);
  const { argv, node } = locateInit();
  const chain = enterChain({
    pid: container.pid,
    holder: facts.holder,
    argv,
    protect: node,
    isRoot: facts.userNamespace.writer === 'parent',
  });
  const note = noteOf(container.record, request);
  note('exec', {});
  try {
    const end = await superviseExec({
      draft: () => draftExec(container, facts, request),
      chain,
      userNamespace: facts.userNamespace,
      cgroup: container.cgroup,
      containerPid: container.pid,
      interactive: stdin,
      terminal: request.terminal && !request.detach,
      detachKeys,
      detached: request.detach,
    });
    // How what goes on without us will end nobody hears.
    if (end === 'left') return EXIT_OK;
    note('exec_died', { exitCode: String(end) });
    return end;
  } catch (error) {
    note('exec_died', { exitCode: String(exitCodeOf(error)) });
    const isLate = (hasEnded(container) && !isAboutCommand(error)) || wasEnding(error);
    throw isLate ? justEnded(container.record.name, error) : error;
  }
}

type Note = (action: ContainerAction, attributes: Readonly<Record<string, string>>) => void;

/** Notes events about a command: not about a probe of the container's health, which comes again and again and has events of its own. */
function noteOf(record: ContainerRecord, { command }: ExecRequest): Note {
  if (process.env[PROBE_VARIABLE] !== undefined) return () => undefined;
  const words = command.join(' ').slice(0, MAX_COMMAND_LENGTH);
  return (action, attributes) => {
    noteEvent(locateStore(), action, record, { command: words, ...attributes });
  };
}

/** A process that ends has left its namespaces before it is gone from /proc. */
function wasEnding(error: unknown): boolean {
  return (
    isHutchError(error, 'STEP_FAILED') &&
    error.context['kind'] === 'join_namespaces' &&
    error.context['errno'] === 'ESRCH'
  );
}

function isAboutCommand(error: unknown): boolean {
  const isOne = isHutchError(error, 'COMMAND_NOT_FOUND', 'COMMAND_NOT_EXECUTABLE');
  // The root of a container that ends is empty before it is gone.
  return isOne && error.context['kind'] !== 'change_directory';
}

/** What that would do, as a text for people or as JSON. As execInContainer, but nothing is run. */
export async function planExec(request: ExecRequest, options: { format: string; colour: boolean }): Promise<string> {
  if (!(EXEC_PLAN_FORMATS as readonly string[]).includes(options.format))
    throw badValue('--format', options.format, `one of ${EXEC_PLAN_FORMATS.join(', ')}`);
  const container = await findRunning(locateStore(), request.container);
  const plan = draftExec(container, factsOf(container), request);
  return options.format === 'json' ? renderJson(plan) : renderExplanation(plan, { colour: options.colour });
}

interface ExecFactsOfHost {
  readonly namespaces: readonly JoinableNamespace[];
  readonly holder: number | null;
  readonly userNamespace: UserNamespace;
}

function factsOf({ pid, spec, record }: RunningContainer): ExecFactsOfHost {
  return gone(record.name, () => ({
    namespaces: foreignNamespaces(pid),
    holder: parentInSameUserns(pid) ?? null,
    userNamespace: {
      uidMap: spec.linux.uidMappings.map(extentOf),
      gidMap: spec.linux.gidMappings.map(extentOf),
      writer: writerOf(pid),
    },
  }));
}

function draftExec(container: RunningContainer, facts: ExecFactsOfHost, request: ExecRequest): ExecPlan {
  const { pid, startTime, spec, cgroup } = container;
  const user = request.user === undefined ? undefined : resolveIn(container, request.user);
  return compileExec(execSpec(withCgroup(spec, cgroup), request, { user, hardLimits: hardLimits() }), {
    userNamespaces: [facts.userNamespace],
    architecture: hostArchitecture(),
    join: { pid, holder: facts.holder },
    startTime,
    namespaces: facts.namespaces,
    stdin: request.interactive && !request.detach,
    detached: request.detach,
  });
}

/** A container that could have no cgroup runs without. */
function withCgroup(spec: RuntimeSpec, cgroup: CgroupRecord | null): RuntimeSpec {
  if (cgroup !== null || spec.linux.cgroupsPath === undefined) return spec;
  const { cgroupsPath: _, ...linux } = spec.linux;
  return { ...spec, linux };
}

/** By the accounts that the container has now. */
function resolveIn({ pid, record }: RunningContainer, user: string): ResolvedUser {
  const trees = hasShutRoot(pid)
    ? treesOf(containerDirectory(locateStore(), record.id))
    : [`/proc/${String(pid)}/root`];
  return resolveUserBy(user, (name) =>
    trees.map((tree) => readBeneath(tree, `/etc/${name}`, MAX_ACCOUNT_BYTES)).find((text) => text !== undefined),
  );
}

/** What a root in user space is put together of: what the container has written, and the layers of its image, the top one first; or the host. */
function treesOf(directory: string): string[] {
  const links = join(directory, 'l');
  const layers = existsSync(links) ? readdirSync(links).toSorted((one, other) => Number(one) - Number(other)) : [];
  return [upperDirectory(directory), ...(layers.length === 0 ? ['/'] : layers.map((name) => join(links, name)))];
}

function writerOf(pid: number): UserNamespace['writer'] {
  if (deniesGroups(pid)) return 'self';
  return process.getuid?.() === 0 ? 'parent' : 'newuidmap';
}

function extentOf({ containerID, hostID, size }: SpecIdMapping): IdExtent {
  return { containerId: containerID, hostId: hostID, count: size };
}

/** A container may end at any moment: its files in /proc are gone then. */
function gone<T>(name: string, look: () => T): T {
  try {
    return look();
  } catch (cause) {
    throw justEnded(name, cause);
  }
}
