/** The container's spec with another process in it: what exec asks for, within the same fences; reads --env-file files. */
import { CAPABILITY_NAMES } from '../../linux/capabilities.ts';
import { RLIMIT } from '../../linux/flags.ts';
import {
  HUTCH_ANNOTATIONS,
  type RuntimeSpec,
  type SpecCapabilities,
  type SpecProcess,
  type SpecRlimit,
} from '../../oci/runtime-spec.ts';
import { mergeEnvironment } from './build-environment.ts';
import type { ExecRequest } from './exec-request.ts';
import { parseContainerPath } from './parse-values.ts';
import type { ResolvedUser } from './resolve-user.ts';

export interface ExecFacts {
  /** Whom -u names; undefined without it. */
  readonly user: ResolvedUser | undefined;
  /** The caller's, by number of the resource; -1 is unlimited. */
  readonly hardLimits: readonly number[];
}

/** The spec. With `privileged` hutch's own fences are left out; masked paths stay covered, as the mounts are the container's. */
export function execSpec(spec: RuntimeSpec, request: ExecRequest, facts: ExecFacts): RuntimeSpec {
  const { process } = spec;
  // Detached, nobody is at the other end of a terminal.
  const terminal = request.terminal && !request.detach;
  const user = facts.user === undefined ? process.user : { ...process.user, ...idsOf(facts.user) };
  const home = facts.user === undefined ? [] : [`HOME=${facts.user.home}`];
  const hasTerm = process.env.some((entry) => entry.startsWith('TERM='));
  const term = terminal && !hasTerm ? [`TERM=${globalThis.process.env['TERM'] ?? 'xterm'}`] : [];
  return {
    ...spec,
    process: {
      ...process,
      terminal,
      user,
      args: request.command,
      env: mergeEnvironment({ ...request, terminal }, [...process.env, ...home, ...term]),
      cwd: request.workingDirectory === undefined ? process.cwd : parseContainerPath('-w', request.workingDirectory),
      capabilities: capabilitiesFor(process, user.uid, request.privileged),
      rlimits: process.rlimits.map((limit) => withinHard(limit, facts.hardLimits)),
      noNewPrivileges: process.noNewPrivileges && !request.privileged,
    },
    linux: { ...spec.linux, seccomp: request.privileged ? null : spec.linux.seccomp },
    annotations: request.privileged ? { ...spec.annotations, [HUTCH_ANNOTATIONS.landlock]: 'false' } : spec.annotations,
  };
}

function idsOf({
  uid,
  gid,
  additionalGids,
}: ResolvedUser): Pick<SpecProcess['user'], 'uid' | 'gid' | 'additionalGids'> {
  return { uid, gid, additionalGids };
}

/** Root has what the container can have; another user what the container's own user has if that is not root, else none. */
function capabilitiesFor({ user, capabilities }: SpecProcess, uid: number, privileged: boolean): SpecCapabilities {
  const bounding = privileged ? CAPABILITY_NAMES : capabilities.bounding;
  if (uid === 0) return { bounding, effective: bounding, permitted: bounding, inheritable: [], ambient: [] };
  const kept = user.uid === 0 ? [] : capabilities.ambient;
  return { bounding, effective: kept, permitted: kept, inheritable: kept, ambient: kept };
}

/** A limit that is above the caller's own hard one cannot be set by a user: the lower one holds. */
function withinHard(limit: SpecRlimit, hardLimits: readonly number[]): SpecRlimit {
  const own = hardLimits[RLIMIT[limit.type.replace(/^RLIMIT_/u, '') as keyof typeof RLIMIT]] ?? -1;
  const lower = (value: number): number => (own === -1 ? value : value === -1 ? own : Math.min(value, own));
  return { ...limit, soft: lower(limit.soft), hard: lower(limit.hard) };
}
