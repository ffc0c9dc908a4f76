/** Flags of docker's and podman's that hutch has nothing for, with the reason of each; pure. Loaded for those alone who use one. */
import { HutchError } from '../../errors/hutch-error.ts';

interface Refusal {
  /** Completes "cannot be had: ". */
  readonly reason: string;
  readonly instead: string;
  /** Values that ask for what is so anyway. */
  readonly isNothing?: readonly string[];
}

const MAPS: Refusal = {
  reason: 'all containers of a user have one map: root is you, and the others are your subordinate ids in their order',
  instead: 'choose an id of that map by -u; `hutch plan run` shows the map',
};

const REFUSALS: Readonly<Record<string, Refusal>> = {
  '--gpus': {
    reason:
      'drivers of GPUs come with programs of their vendors that prepare containers for them, which hutch does not call',
    instead: 'bind the nodes by --device /dev/dri/renderD128 (or /dev/nvidia0 and its kin), and the libraries by -v',
  },
  '--pod': {
    reason: 'there are no pods',
    instead:
      'put containers into one network by --network container:NAME, or by --network NAME after hutch network create',
    isNothing: [''],
  },
  '--secret': {
    reason: 'hutch keeps no secrets',
    instead: 'bind a file that only you can read: -v ./FILE:/run/secrets/NAME:ro',
  },
  '--userns': {
    reason: MAPS.reason,
    instead:
      'leave it out, or use --userns=host, which means the same: files of yours are those of root in the container',
    // Of a rootless podman: ids of the caller, root first. A new namespace with the same ids is what every container gets.
    isNothing: ['', 'host', 'private'],
  },
  '--uidmap': MAPS,
  '--gidmap': MAPS,
  '--rootfs': {
    reason: 'a container is made from an image, so that its layers stay as they are',
    instead: 'make one of the directory first: tar -C DIRECTORY -c . | hutch image import - NAME',
  },
  '--volumes-from': {
    reason: 'volumes are directories of the host, which belong to no container',
    instead: 'give the same -v SRC:DST to both; hutch inspect shows those of the other one',
  },
  '--volume-driver': {
    reason: 'named volumes are not built yet, and volumes are directories of the host',
    instead: 'mount on the host what is to be seen, and bind it by -v',
    isNothing: ['', 'local'],
  },
  '--link': {
    reason: 'docker itself keeps it for old containers only',
    instead:
      'make a network by hutch network create NAME and give --network NAME to both: each finds the other by its name',
  },
  '--isolation': {
    reason: 'it is for Windows',
    instead: 'leave it out',
    isNothing: ['', 'default'],
  },
  '--runtime': {
    reason: 'hutch starts containers itself and calls no OCI runtime',
    instead: 'leave it out; for another runtime, hutch plan run --format spec prints the spec',
  },
  '--storage-opt': {
    reason: 'a limit for what a container writes needs quotas, which only root may set up',
    instead: 'use --read-only with --tmpfs /PATH:size=64m for what is written',
  },
};

/** USAGE_INVALID with the reason and what there is instead. `value`: null for a flag without one. */
export function refuseImpossibleFlag({ flag, value }: { readonly flag: string; readonly value: string | null }): void {
  const refusal = REFUSALS[flag];
  if (refusal === undefined || refusal.isNothing?.includes(value ?? '') === true) return;
  throw new HutchError(`${value === null ? flag : `${flag} ${value}`} cannot be had: ${refusal.reason}`, {
    code: 'USAGE_INVALID',
    hint: refusal.instead,
    context: { flag, value },
  });
}

export const IMPOSSIBLE_FLAGS = Object.keys(REFUSALS);
