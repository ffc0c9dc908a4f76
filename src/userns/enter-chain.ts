/** The chain of host programs that brings a program into the user namespace of a running container; pure text, run by the monitor. */
import { PROTECT, type LaunchChain } from './launch-chain.ts';

export interface EnterRequest {
  /** Host pid of the container's process 1. */
  readonly pid: number;
  /** A process whose mount namespace is the host's tree with a read-only interpreter; null: such a namespace is made. */
  readonly holder: number | null;
  /** The program and its arguments. */
  readonly argv: readonly [string, ...string[]];
  /** The interpreter to show read-only, so that nothing in the container can write to it. */
  readonly protect: string;
  /** Run by root, who has no id in the namespace and must take that of its root. */
  readonly isRoot: boolean;
}

/**
 * The chain: nsenter(1) for the user namespace alone. The program starts with the host's files and outside of the container's pid namespace:
 * it loads nothing that the container could have put in its way, and is seen by none of its processes.
 */
export function enterChain({ pid, holder, argv, protect, isRoot }: EnterRequest): LaunchChain {
  const enter = [
    'nsenter',
    `--user=/proc/${String(pid)}/ns/user`,
    ...(holder === null ? [] : [`--mount=/proc/${String(holder)}/ns/mnt`]),
    ...(isRoot ? [] : ['--preserve-credentials']),
    '--',
  ] as const;
  const own =
    holder === null
      ? ['unshare', '--mount', '--', 'sh', '-p', '-c', `${PROTECT}\nexec "$@"`, 'hutch-protect', protect]
      : [];
  return { argv: [...enter, ...own, ...argv], mapping: 'inline' };
}
