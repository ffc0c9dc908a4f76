/** The filter of the default profile, compiled when hutch was built; pure. */
import type { SeccompProfile } from '../../oci/seccomp.ts';

/** A profile as JSON text and its program (base64 of struct sock_filter). */
export interface PrebuiltFilter {
  readonly profile: string;
  readonly program: string;
}

/** Put in by `.config/build.mjs`; not there when the sources run directly. */
declare const HUTCH_PREBUILT_FILTER: PrebuiltFilter | undefined;

/**
 * The program that compileSeccomp() would give for `profile`, if it is the very profile that the build has compiled:
 * compared whole, since this decides about security. Undefined for every other profile.
 */
export function prebuiltFilter(profile: SeccompProfile): string | undefined {
  const prebuilt = typeof HUTCH_PREBUILT_FILTER === 'undefined' ? undefined : HUTCH_PREBUILT_FILTER;
  return prebuilt?.profile === JSON.stringify(profile) ? prebuilt.program : undefined;
}
