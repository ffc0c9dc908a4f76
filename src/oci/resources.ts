/** What a container may use, as the OCI runtime specification words it; pure types. Source: opencontainers/runtime-spec, config-linux.md. */

/** Bytes or operations a second for one block device; 0 for any number. */
export interface SpecThrottle {
  readonly major: number;
  readonly minor: number;
  readonly rate: number;
}

export interface SpecResources {
  readonly memory?: {
    /** Bytes; -1 is unlimited, here and below. */
    readonly limit?: number;
    readonly reservation?: number;
    /** Memory and swap together. */
    readonly swap?: number;
  };
  readonly cpu?: {
    /** A share beside those of other containers: 2 to 262144, usually 1024. */
    readonly shares?: number;
    /** Microseconds of processor time in each `period`. */
    readonly quota?: number;
    readonly period?: number;
    /** Processors, such as `0-2,4`. */
    readonly cpus?: string;
    /** Memory nodes, likewise. */
    readonly mems?: string;
  };
  readonly pids?: { readonly limit: number };
  readonly blockIO?: {
    /** 10 to 1000. */
    readonly weight?: number;
    readonly throttleReadBpsDevice?: readonly SpecThrottle[];
    readonly throttleWriteBpsDevice?: readonly SpecThrottle[];
    readonly throttleReadIOPSDevice?: readonly SpecThrottle[];
    readonly throttleWriteIOPSDevice?: readonly SpecThrottle[];
  };
  /** Files of cgroup v2 and what is written to them. */
  readonly unified?: Readonly<Record<string, string>>;
}
