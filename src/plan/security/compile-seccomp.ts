/** From a seccomp profile to the classic BPF program that the kernel runs at every system call; pure, runs in the CLI. */

import {
  SECCOMP_ARCHITECTURES,
  type SeccompAction,
  type SeccompArgument,
  type SeccompProfile,
  type SeccompRule,
} from '../../oci/seccomp.ts';
import { AUDIT_ARCH, SHARED_NUMBERS, syscallTable, X32_BIT, type Architecture } from '../../linux/syscalls.ts';
import { BPF, bpfWriter, type BpfWriter, type Place } from './bpf-program.ts';
import { writeConditions } from './seccomp-conditions.ts';

const EPERM = 1;
const ENOSYS = 38;

/** Offsets in struct seccomp_data of linux/seccomp.h. */
const NUMBER_OFFSET = 0;
const ARCH_OFFSET = 4;

/** `SECCOMP_RET_*` of linux/seccomp.h; the low 16 bits carry an error number or a message. */
const RET = {
  SCMP_ACT_ALLOW: 0x7fff0000,
  SCMP_ACT_ERRNO: 0x00050000,
  SCMP_ACT_KILL: 0x00000000,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_KILL_THREAD: 0x00000000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_TRAP: 0x00030000,
} as const satisfies Readonly<Record<SeccompAction, number>>;

const FOREIGN = RET.SCMP_ACT_KILL_PROCESS;
const ABSENT = RET.SCMP_ACT_ERRNO | ENOSYS;

/** An action word, or the rules to try in turn when the call's arguments decide. */
type Verdict = number | readonly Alternative[];

interface Alternative {
  readonly action: number;
  readonly conditions: readonly SeccompArgument[];
}

/** Calls from number `start` up to the next interval's start, all with one verdict. */
interface Interval {
  readonly start: number;
  readonly verdict: Verdict;
}

interface Policy {
  readonly verdicts: ReadonlyMap<string, Verdict>;
  /** For calls that no rule names. */
  readonly fallback: number;
  /** Calls that are younger than the profile seem absent, as on the kernel that its author knew. */
  readonly hidesNewer: boolean;
}

/**
 * The program for seccomp(2) SECCOMP_SET_MODE_FILTER: struct sock_filter, 8 bytes each.
 *
 * - A rule without arguments decides for its names, whatever other rules say; else rules are tried in order, and the conditions
 *   of one rule must all hold. Argument values are compared as 64 bits.
 * - A name that an architecture lacks is no rule there.
 * - A call that the profile refuses by default gets the profile's error number; a call that is younger than the youngest one the
 *   profile names (of those since Linux 5.1), or that nobody knows, gets ENOSYS: C libraries then use the older call.
 * - Another machine architecture kills the process; x32, unless the profile lists it, gets ENOSYS.
 *
 * `nativeArchitecture` is filtered whether the profile lists it or not. Throws SPEC_INVALID for a value that is not an exact
 * unsigned 64-bit number, and when the program would exceed the kernel's 4096 instructions.
 */
export function compileSeccomp(
  profile: SeccompProfile,
  { nativeArchitecture }: { readonly nativeArchitecture: Architecture },
): Uint8Array {
  const writer = bpfWriter();
  const policy = policyOf(profile);
  const writeVerdict = verdictWriter(writer, policy.fallback);
  let entry = writer.ret(FOREIGN);
  for (const [auditArch, architectures] of machinesOf(profile, nativeArchitecture)) {
    const search = writeSearch(writer, intervalsOf(architectures, policy), writeVerdict);
    const dispatch = writer.load(NUMBER_OFFSET, search);
    entry = writer.jump(BPF.JMP_JEQ_K, auditArch, dispatch, entry);
  }
  return writer.finish(writer.load(ARCH_OFFSET, entry));
}

/** What the profile says of each name, and of those it does not name. */
function policyOf(profile: SeccompProfile): Policy {
  const verdicts = new Map<string, Verdict>();
  for (const rule of profile.syscalls) {
    for (const name of rule.names) verdicts.set(name, withRule(verdicts.get(name), rule));
  }
  return {
    verdicts,
    fallback: actionWord(profile.defaultAction, profile.defaultErrnoRet),
    hidesNewer: !['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_TRACE'].includes(profile.defaultAction),
  };
}

/** A verdict without conditions stands; otherwise the rule is tried after those before it, or stands alone. */
function withRule(verdict: Verdict | undefined, rule: SeccompRule): Verdict {
  if (typeof verdict === 'number') return verdict;
  const action = actionWord(rule.action, rule.errnoRet);
  const conditions = rule.args ?? [];
  return conditions.length === 0 ? action : [...(verdict ?? []), { action, conditions }];
}

function actionWord(action: SeccompAction, errnoRet: number | undefined): number {
  if (action === 'SCMP_ACT_ERRNO') return RET[action] | (errnoRet ?? EPERM);
  if (action === 'SCMP_ACT_TRACE') return RET[action] | (errnoRet ?? 0);
  return RET[action];
}

/** The architectures of the profile by what seccomp shows in `arch`; the native one is last, hence tested first. */
function machinesOf(profile: SeccompProfile, native: Architecture): ReadonlyMap<number, ReadonlySet<Architecture>> {
  const listed = (profile.architectures ?? []).map((name) => SECCOMP_ARCHITECTURES[name]);
  const machines = new Map<number, Set<Architecture>>();
  for (const architecture of [...listed.filter((name) => AUDIT_ARCH[name] !== AUDIT_ARCH[native]), native, ...listed]) {
    const members = machines.get(AUDIT_ARCH[architecture]) ?? new Set();
    machines.set(AUDIT_ARCH[architecture], members.add(architecture));
  }
  return machines;
}

/** The verdicts on all numbers of one machine; on x86_64 those of x32 lie above the others in one number space. */
function intervalsOf(architectures: ReadonlySet<Architecture>, policy: Policy): readonly Interval[] {
  const [plain] = [...architectures].filter((architecture) => architecture !== 'x32');
  const low = plain === undefined ? [{ start: 0, verdict: FOREIGN }] : intervalsOfTable(plain, policy);
  if (plain !== undefined && plain !== 'x86_64') return low;
  const high = architectures.has('x32') ? intervalsOfTable('x32', policy) : [{ start: X32_BIT, verdict: ABSENT }];
  return [...low, ...high];
}

/** The verdicts on the calls of one architecture and on the gaps between them. */
function intervalsOfTable(architecture: Architecture, { verdicts, fallback, hidesNewer }: Policy): readonly Interval[] {
  const { numbers, names } = syscallTable(architecture);
  const base = architecture === 'x32' ? X32_BIT : 0;
  const newest = hidesNewer ? newestNamed(architecture, verdicts) : Infinity;
  const intervals: Interval[] = [];
  const put = (start: number, verdict: Verdict): void => {
    if (intervals.at(-1)?.verdict !== verdict) intervals.push({ start, verdict });
  };
  let next = base;
  numbers.forEach((number, index) => {
    if (number > next) put(next, next > newest ? ABSENT : fallback);
    const isYounger = number > newest && number < base + SHARED_NUMBERS.end;
    put(number, verdicts.get(names[index] ?? '') ?? (isYounger ? ABSENT : fallback));
    next = number + 1;
  });
  put(next, next > newest ? ABSENT : fallback);
  return intervals;
}

/** The highest number in the shared range that a rule names; before that range, order says nothing about age. */
function newestNamed(architecture: Architecture, verdicts: ReadonlyMap<string, Verdict>): number {
  const { numbers, names } = syscallTable(architecture);
  const base = architecture === 'x32' ? X32_BIT : 0;
  const index = names.findLastIndex((name, at) => verdicts.has(name) && (numbers[at] ?? 0) < base + SHARED_NUMBERS.end);
  return Math.max(numbers[index] ?? 0, base + SHARED_NUMBERS.first - 1);
}

/** A binary search for the interval of the loaded number. */
function writeSearch(
  writer: BpfWriter,
  intervals: readonly Interval[],
  writeVerdict: (verdict: Verdict) => Place,
): Place {
  const middle = intervals[intervals.length >> 1];
  if (middle === undefined || intervals.length === 1) return writeVerdict(middle?.verdict ?? FOREIGN);
  const above = writeSearch(writer, intervals.slice(intervals.length >> 1), writeVerdict);
  const below = writeSearch(writer, intervals.slice(0, intervals.length >> 1), writeVerdict);
  return writer.jump(BPF.JMP_JGE_K, middle.start, above, below);
}

/** Writes verdicts; one that depends on arguments is written once for all architectures. */
function verdictWriter(writer: BpfWriter, fallback: number): (verdict: Verdict) => Place {
  const places = new Map<Verdict, Place>();
  return (verdict) => {
    if (typeof verdict === 'number') return writer.ret(verdict);
    const place =
      places.get(verdict) ??
      verdict.reduceRight(
        (otherwise, { action, conditions }) => writeConditions(writer, conditions, writer.ret(action), otherwise),
        writer.ret(fallback),
      );
    places.set(verdict, place);
    return place;
  };
}
