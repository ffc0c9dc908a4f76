/** Who the payload is and what it may use: working directory, limits, bounding set, user; pure. */
import { toHostId } from '../../linux/id-map.ts';
import { HutchError } from '../../errors/hutch-error.ts';
import type { RuntimeSpec } from '../../oci/runtime-spec.ts';
import type { Step } from '../step.ts';
import type { CompileInput } from './input.ts';

/** The steps after the pivot up to, not including, the change of user. */
export function compileIdentity(spec: RuntimeSpec, input: CompileInput): Step[] {
  const { process } = spec;
  checkMapped(spec, input);
  return [
    {
      kind: 'change_directory',
      target: process.cwd,
      why: {
        spec: 'process.cwd',
        text: 'the working directory, made where the image lacks it and proved to lie inside',
      },
    },
    compileKeyring(spec),
    ...compileLimits(spec),
  ];
}

export function compileKeyring(spec: RuntimeSpec): Step {
  return {
    kind: 'join_keyring',
    name: 'hutch',
    required: spec.linux.seccomp === null,
    why: { spec: 'hutch', text: "keys of the user's session are out of reach" },
  };
}

/** In the /proc of the host, so before anything is mounted or joined. */
export function compileOomScore({ process }: RuntimeSpec): Step[] {
  if (process.oomScoreAdj === undefined) return [];
  const why = { spec: 'process.oomScoreAdj', text: 'whom the kernel ends first when the memory of the host is short' };
  return [{ kind: 'set_oom_score', adjustment: process.oomScoreAdj, why }];
}

/** Resource limits and the bounding set. */
export function compileLimits({ process }: RuntimeSpec): Step[] {
  return [
    ...process.rlimits.map((limit, index): Step => ({
      kind: 'set_rlimit',
      resource: limit.type.replace(/^RLIMIT_/u, ''),
      soft: limit.soft < 0 ? null : limit.soft,
      hard: limit.hard < 0 ? null : limit.hard,
      why: { spec: `process.rlimits[${String(index)}]`, text: 'a limit for each process of the container' },
    })),
    {
      kind: 'bound_capabilities',
      keep: process.capabilities.bounding,
      why: { spec: 'process.capabilities.bounding', text: 'no program in the container can ever have more than these' },
    },
  ];
}

/** ID_UNMAPPED when the user or a group of the payload has no id on the host. */
export function checkMapped(spec: RuntimeSpec, input: Pick<CompileInput, 'userNamespaces'>): void {
  const inner = input.userNamespaces.at(-1) ?? input.userNamespaces[0];
  const { uid, gid, additionalGids } = spec.process.user;
  const lacking =
    toHostId(inner.uidMap, uid) === undefined
      ? `user id ${String(uid)}`
      : [gid, ...additionalGids]
          .filter((id) => toHostId(inner.gidMap, id) === undefined)
          .map((id) => `group id ${String(id)}`)[0];
  if (lacking === undefined) return;
  throw new HutchError(`${lacking} does not exist in this container: its id map ends before`, {
    code: 'ID_UNMAPPED',
    hint: 'use an id below 65536 (only 0 where you have no subordinate ids; `hutch doctor` tells)',
    context: { uid, gid },
  });
}
