/** The processor of this host, in the terms of the system call tables. */
import { HutchError } from '../../errors/hutch-error.ts';
import { ARCHITECTURE_OF_NODE, type Architecture } from '../../linux/syscalls.ts';

/** HOST_FEATURE_MISSING on a processor whose system call numbers hutch does not know. */
export function hostArchitecture(): Architecture {
  const architecture = ARCHITECTURE_OF_NODE[process.arch];
  if (architecture !== undefined) return architecture;
  throw new HutchError(`hutch does not run on ${process.arch} processors yet`, {
    code: 'HOST_FEATURE_MISSING',
    hint: 'use an x86_64 or aarch64 host',
  });
}
