/** Reading `--security-opt`; reads a seccomp profile on the host's side. */
import { release } from 'node:os';
import { errnoOf, HutchError } from '../../errors/hutch-error.ts';
import type { SeccompProfile } from '../../oci/seccomp.ts';
import { defaultSeccompProfile, nestingSeccompProfile } from '../../plan/security/default-profile.ts';
import { parseSeccompProfile } from '../../plan/security/parse-seccomp-profile.ts';
import { hostArchitecture } from './host-architecture.ts';
import { badValue } from './parse-values.ts';
import { parseTarget } from './parse-volume.ts';
import { readSmallFile } from './read-small-file.ts';

export interface SecurityOptions {
  /** `default`, `nesting`, `unconfined`, or the path of a profile. */
  readonly seccompName: string;
  /** The filter's profile for a bounding set; null for none. */
  readonly seccomp: (capabilities: readonly string[]) => SeccompProfile | null;
  readonly noNewPrivileges: boolean;
  readonly mask: readonly string[];
  /** Paths, patterns that end in `/*`, or `ALL`. */
  readonly unmask: readonly string[];
}

const FORM = 'seccomp=default|nesting|unconfined|FILE, no-new-privileges, mask=PATH:PATH, unmask=ALL|PATH:PATH';

/** Parses the options; `privileged` turns the filter off unless one is named. */
export function parseSecurityOptions(options: readonly string[], privileged: boolean): SecurityOptions {
  let seccompName = privileged ? 'unconfined' : 'default';
  let noNewPrivileges = false;
  const mask: string[] = [];
  const unmask: string[] = [];
  for (const option of options) {
    const [key, value] = splitOption(option);
    if (key === 'seccomp' && value !== '') seccompName = value;
    else if (key === 'no-new-privileges' && ['', 'true', 'false'].includes(value)) noNewPrivileges = value !== 'false';
    else if (key === 'mask' && value !== '')
      mask.push(...value.split(':').map((path) => parseTarget('--security-opt', option, path)));
    else if (key === 'unmask' && value.split(':').every(isPattern)) unmask.push(...value.split(':'));
    else if (!isWithoutEffect(key, value)) throw refused(option, key);
  }
  return { seccompName, seccomp: profileOf(seccompName), noNewPrivileges, mask, unmask };
}

function isPattern(text: string): boolean {
  return text === 'ALL' || text.startsWith('/');
}

/** `key=value`, and docker's older `key:value` for keys that take one word. */
function splitOption(option: string): [string, string] {
  const match = /^([a-z-]+)[=:](.*)$/su.exec(option);
  return match === null ? [option, ''] : [match[1] ?? '', match[2] ?? ''];
}

/** Words that ask for what is so anyway: no label and no AppArmor profile is ever set. */
function isWithoutEffect(key: string, value: string): boolean {
  return (key === 'label' && value === 'disable') || (key === 'apparmor' && value === 'unconfined');
}

function refused(option: string, key: string): HutchError {
  if (key === 'apparmor' || key === 'label') {
    return new HutchError(
      `--security-opt ${option}: hutch cannot set ${key === 'apparmor' ? 'AppArmor profiles' : 'SELinux labels'} yet`,
      {
        code: 'HOST_FEATURE_MISSING',
        hint: 'leave it out: seccomp, capabilities, Landlock and the namespaces stay in force',
      },
    );
  }
  return badValue('--security-opt', option, FORM);
}

function profileOf(name: string): (capabilities: readonly string[]) => SeccompProfile | null {
  const architecture = hostArchitecture();
  if (name === 'unconfined') return () => null;
  if (name === 'default') return (capabilities) => defaultSeccompProfile(capabilities, architecture);
  if (name === 'nesting') return (capabilities) => nestingSeccompProfile(capabilities, architecture);
  const json = readProfile(name);
  return (capabilities) =>
    parseSeccompProfile(json, { source: name, capabilities, architecture, kernelRelease: release() }).profile;
}

function readProfile(path: string): unknown {
  try {
    return JSON.parse(readSmallFile(path)) as unknown;
  } catch (cause) {
    throw new HutchError(
      `cannot read the seccomp profile ${path}: ${errnoOf(cause) ?? (cause instanceof SyntaxError ? 'it is not JSON' : 'it is too large')}`,
      {
        code: 'USAGE_INVALID',
        hint: 'name a JSON file, or one of default, nesting, unconfined',
        cause,
        context: { path },
      },
    );
  }
}
