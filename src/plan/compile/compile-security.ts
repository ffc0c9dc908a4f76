/** The last steps: user, capabilities, clean-up, Landlock, seccomp, execve, in the one order that holds; pure. */
import { HUTCH_ANNOTATIONS, isPrivate, type RuntimeSpec } from '../../oci/runtime-spec.ts';
import type { SeccompProfile } from '../../oci/seccomp.ts';
import { INSTRUCTION_BYTES } from '../security/bpf-program.ts';
import { compileSeccomp } from '../security/compile-seccomp.ts';
import { prebuiltFilter } from '../security/prebuilt-filter.ts';
import type { Step, Why } from '../step.ts';
import type { CompileInput } from './input.ts';

/** What the fences need to know of the host. */
type SecurityInput = Pick<CompileInput, 'userNamespaces' | 'architecture'>;

/**
 * Without no_new_privs the filter needs CAP_SYS_ADMIN, so then Landlock and seccomp come before the capabilities go;
 * with it they come last. Source: seccomp(2), landlock(7).
 */
export function compileSecurity(spec: RuntimeSpec, input: SecurityInput): Step[] {
  const { process } = spec;
  const fences = [...compileLandlock(spec), ...compileFilter(spec, input)];
  const identity = [setUser(spec, input), setCapabilities(spec)];
  const cleanUp: Step[] = [
    {
      kind: 'set_umask',
      mask: process.user.umask ?? 0o022,
      why: { spec: 'process.user.umask', text: 'files that the payload makes are readable by others in the container' },
    },
    { kind: 'reset_signals', why: hutch('Node ignores SIGPIPE and SIGXFSZ, and ignored signals survive execve') },
    { kind: 'close_descriptors', why: hutch('the payload gets stdin, stdout and stderr and no other open file') },
  ];
  const execute: Step = {
    kind: 'execve',
    argv: process.args,
    env: process.env,
    why: { spec: 'process.args', text: 'the payload takes the place of init and is PID 1' },
  };
  if (process.noNewPrivileges) {
    const noNewPrivileges: Step = {
      kind: 'no_new_privileges',
      why: { spec: 'process.noNewPrivileges', text: 'setuid programs and file capabilities give nothing' },
    };
    return [...identity, ...cleanUp, noNewPrivileges, ...fences, execute];
  }
  return [setUser(spec, input), ...cleanUp, ...fences, setCapabilities(spec), execute];
}

function setUser(spec: RuntimeSpec, input: SecurityInput): Step {
  const { uid, gid, additionalGids } = spec.process.user;
  return {
    kind: 'set_user',
    uid,
    gid,
    groups: additionalGids,
    setGroups: input.userNamespaces[0].writer !== 'self',
    why: { spec: 'process.user', text: 'the user that the image or the caller names' },
  };
}

function setCapabilities(spec: RuntimeSpec): Step {
  const { effective, permitted, inheritable, ambient } = spec.process.capabilities;
  return {
    kind: 'set_capabilities',
    effective,
    permitted,
    inheritable,
    ambient,
    why: { spec: 'process.capabilities', text: 'what root in the container may do, in its own user namespace only' },
  };
}

function compileLandlock(spec: RuntimeSpec): Step[] {
  if (spec.annotations[HUTCH_ANNOTATIONS.landlock] !== 'true') return [];
  return [
    {
      kind: 'landlock',
      scopeAbstractSockets: !isPrivate(spec, 'network'),
      why: {
        spec: `annotations["${HUTCH_ANNOTATIONS.landlock}"]`,
        text: 'even a leaked descriptor cannot open or execute anything outside the root (where the kernel has Landlock)',
      },
    },
  ];
}

function compileFilter(spec: RuntimeSpec, input: SecurityInput): Step[] {
  if (spec.linux.seccomp === null) return [];
  const program = prebuiltFilter(spec.linux.seccomp) ?? compiled(spec.linux.seccomp, input);
  return [
    {
      kind: 'seccomp',
      profile: spec.annotations[HUTCH_ANNOTATIONS.seccompProfile] ?? 'default',
      instructions: Buffer.byteLength(program, 'base64') / INSTRUCTION_BYTES,
      program,
      why: { spec: 'linux.seccomp', text: 'system calls that containers do not need are refused' },
    },
  ];
}

function compiled(profile: SeccompProfile, { architecture }: SecurityInput): string {
  return Buffer.from(compileSeccomp(profile, { nativeArchitecture: architecture })).toString('base64');
}

function hutch(text: string): Why {
  return { spec: 'hutch', text };
}
