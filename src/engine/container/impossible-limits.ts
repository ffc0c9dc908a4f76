/** Limits that docker and podman have flags for and that no ordinary user can have below cgroup v2, with the reason of each; pure. */
import { HutchError } from '../../errors/hutch-error.ts';

/** A flag of these that was given. */
export interface ImpossibleLimit {
  readonly flag: ImpossibleFlag;
  readonly value: string;
}

interface Refusal {
  /** Completes "cannot be had". */
  readonly reason: string;
  readonly instead: string;
  /** Values that ask for nothing: docker's defaults. */
  readonly isNothing: readonly string[];
}

const REALTIME: Refusal = {
  reason: ': cgroup v2 has no limit for processes with realtime priority, and only root may give such priorities',
  instead: 'use --cpus for a limit, or --cpu-shares for a share beside other containers',
  isNothing: ['0'],
};

const REFUSALS = {
  '--oom-kill-disable': {
    reason: ': cgroup v2 has no way to keep the kernel from killing what is beyond its memory',
    instead: 'give it more by --memory, or use --memory-high, beyond which processes are slowed down and not killed',
    isNothing: ['false'],
  },
  '--device-cgroup-rule': {
    reason: ' by an ordinary user: cgroup v2 allows and forbids devices by BPF programs, which only root may load',
    instead: 'a container sees the nodes of /dev that are bound and no others; bind more by --device PATH',
    isNothing: [],
  },
  '--kernel-memory': {
    reason: ': cgroup v2 has no limit for the memory of the kernel alone',
    instead: 'use --memory, in which what the kernel takes for the container counts',
    isNothing: ['0'],
  },
  '--memory-swappiness': {
    reason: ': cgroup v2 has it for the whole host only',
    instead: 'say how much swap it may have by --memory-swap; the same as --memory means none',
    isNothing: ['-1'],
  },
  '--blkio-weight-device': {
    reason: ' by this flag: single devices have weights only where an admin has turned iocost or bfq on for them',
    instead:
      'use --blkio-weight for all of them, or where one has: --cgroup-conf "io.weight=MAJOR:MINOR WEIGHT" (iocost, 1 to 10000)',
    isNothing: [],
  },
  '--cpu-rt-runtime': REALTIME,
  '--cpu-rt-period': REALTIME,
} as const satisfies Readonly<Record<string, Refusal>>;

type ImpossibleFlag = keyof typeof REFUSALS;

/** Those among parsed flags that ask for anything. `valuesOf`: what was given for a flag, by its name without dashes. */
export function impossibleAmong(valuesOf: (name: string) => readonly string[]): ImpossibleLimit[] {
  return (Object.keys(REFUSALS) as ImpossibleFlag[]).flatMap((flag) =>
    valuesOf(flag.slice(2))
      .filter((value) => !(REFUSALS[flag].isNothing as readonly string[]).includes(value))
      .map((value) => ({ flag, value })),
  );
}

/** LIMIT_UNAVAILABLE for the first of them, with the reason and what there is instead. */
export function refuseImpossible([first]: readonly ImpossibleLimit[]): void {
  if (first === undefined) return;
  const { flag, value } = first;
  const { reason, instead } = REFUSALS[flag];
  const shown = value === 'true' ? flag : `${flag} ${value}`;
  throw new HutchError(`${shown} cannot be had${reason}`, {
    code: 'LIMIT_UNAVAILABLE',
    hint: instead,
    context: { flag, value },
  });
}
