/** From a seccomp profile in docker's JSON format, or the runtime spec's, to what hutch compiles; pure, runs in the CLI. */

import { isSyscallName, type Architecture } from '../../linux/syscalls.ts';
import {
  SECCOMP_ACTIONS,
  SECCOMP_ARCHITECTURES,
  SECCOMP_OPERATORS,
  type SeccompAction,
  type SeccompArchitecture,
  type SeccompArgument,
  type SeccompProfile,
  type SeccompRule,
  type SeccompValue,
} from '../../oci/seccomp.ts';
import { elementsAt, fieldsAt, integerAt, invalidAt, stringAt, stringsAt, wordAt } from './json-fields.ts';
import { parseCapabilities } from './parse-capabilities.ts';

export interface SeccompProfileOptions {
  /** Where the JSON is from, for error messages. */
  readonly source: string;
  /** The payload's bounding set, for rules that depend on it. */
  readonly capabilities: readonly string[];
  /** Of the host's kernel. */
  readonly architecture: Architecture;
  /** `uname -r` of the host, for rules that depend on it. */
  readonly kernelRelease: string;
}

export interface ParsedSeccompProfile {
  readonly profile: SeccompProfile;
  /** Names that no architecture here has as a system call; their rules have no effect. */
  readonly unknownSyscalls: readonly string[];
}

const PROFILE_FIELDS = [
  'defaultAction',
  'defaultErrnoRet',
  'defaultErrno',
  'architectures',
  'archMap',
  'flags',
  'syscalls',
  'comment',
];
const RULE_FIELDS = ['names', 'name', 'action', 'errnoRet', 'errno', 'args', 'includes', 'excludes', 'comment'];
const ARGUMENT_FIELDS = ['index', 'value', 'valueTwo', 'op'];

/** linux/err.h: the kernel takes no higher error number. */
const MAX_ERRNO = 4095;
const MAX_ARGUMENT_INDEX = 5;

/** Architectures of the runtime spec that no host of hutch runs: their calls are foreign whether listed or not. */
const ELSEWHERE = `MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PPC PPC64 PPC64LE S390 S390X PARISC PARISC64 RISCV64
  LOONGARCH64 M68K SH SHEB`;
const ELSEWHERE_NAMES = ELSEWHERE.split(/\s+/u).map((name) => `SCMP_ARCH_${name}` as const);

/** What docker calls the architectures in `includes` and `excludes`; hutch runs on four of them. */
const DOCKER_ARCHITECTURES: Readonly<Partial<Record<Architecture, string>>> = {
  x86_64: 'amd64',
  x86: 'x86',
  aarch64: 'arm64',
  arm: 'arm',
};
const DOCKER_ARCHITECTURE_NAMES =
  `amd64 x86 x32 arm arm64 mips mips64 mips64n32 mipsel mipsel64 mipsel64n32 ppc ppc64 ppc64le
  s390 s390x riscv64 loong64 loongarch64`.split(/\s+/u);

/** Field names of an outcome: its action, the error number, and the error's name beside the number. */
type OutcomeFields = readonly [action: string, errnoRet: string, errno: string];
const DEFAULT_OUTCOME: OutcomeFields = ['defaultAction', 'defaultErrnoRet', 'defaultErrno'];
const RULE_OUTCOME: OutcomeFields = ['action', 'errnoRet', 'errno'];

type Fields = Readonly<Record<string, unknown>>;
type PathOf = (field: string) => string;

/**
 * Reads a custom profile. Rules whose `includes` and `excludes` do not fit the container are left out; comments are ignored.
 * Throws USAGE_INVALID naming the path for whatever this format does not have or hutch cannot do: nothing that could weaken
 * the filter is skipped. Names of system calls that are unknown have no effect and are returned.
 */
export function parseSeccompProfile(json: unknown, options: SeccompProfileOptions): ParsedSeccompProfile {
  const at: PathOf = (field) => `${options.source}: ${field}`;
  const fields = fieldsAt(options.source, json, PROFILE_FIELDS);
  const [flag] = stringsAt(at('flags'), fields['flags']);
  if (flag !== undefined) throw invalidAt(at('flags'), `"${flag}" is not supported`, 'Remove the flags.');
  const { action, errnoRet } = parseOutcome(at, fields, DEFAULT_OUTCOME);
  const rules = elementsAt(at('syscalls'), fields['syscalls']);
  const syscalls = rules.flatMap(({ path, value }) => parseRule(path, value, options));
  const names = new Set(syscalls.flatMap((rule) => rule.names));
  return {
    profile: {
      defaultAction: action,
      ...(errnoRet === undefined ? {} : { defaultErrnoRet: errnoRet }),
      architectures: parseArchitectures(at, fields, options.architecture),
      syscalls,
    },
    unknownSyscalls: [...names].filter((name) => !isSyscallName(name)),
  };
}

/** The rule, or nothing when it is not for this container. All of it is checked in either case. */
function parseRule(path: string, value: unknown, options: SeccompProfileOptions): SeccompRule[] {
  const at: PathOf = (field) => `${path}.${field}`;
  const fields = fieldsAt(path, value, RULE_FIELDS);
  const name = fields['name'] === undefined ? [] : [stringAt(at('name'), fields['name'])];
  const names = [...stringsAt(at('names'), fields['names']), ...name];
  if (names.length === 0) throw invalidAt(path, 'names no system call');
  const args = parseArguments(at('args'), fields['args']);
  const rule = { names, ...parseOutcome(at, fields, RULE_OUTCOME), ...(args.length === 0 ? {} : { args }) };
  const includes = parseFilter(at('includes'), fields['includes'] ?? {}, options);
  const excludes = parseFilter(at('excludes'), fields['excludes'] ?? {}, options);
  return includes.every(Boolean) && !excludes.some(Boolean) ? [rule] : [];
}

function parseOutcome(
  at: PathOf,
  fields: Fields,
  [actionField, errnoRetField, errnoField]: OutcomeFields,
): Pick<SeccompRule, 'action' | 'errnoRet'> {
  const action = parseAction(at(actionField), fields[actionField]);
  const errnoRet = fields[errnoRetField];
  if (errnoRet === undefined) {
    if (fields[errnoField] === undefined) return { action };
    throw invalidAt(at(errnoField), `needs the error's number as well`, `Add "${errnoRetField}".`);
  }
  const takesNumber = action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE';
  const number = integerAt(at(errnoRetField), errnoRet, action === 'SCMP_ACT_ERRNO' ? MAX_ERRNO : 0xffff);
  if (takesNumber) return { action, errnoRet: number };
  if (number === 0) return { action };
  throw invalidAt(at(errnoRetField), `${action} returns no error number`, `Remove "${errnoRetField}".`);
}

function parseAction(path: string, value: unknown): SeccompAction {
  if (value === 'SCMP_ACT_NOTIFY') {
    throw invalidAt(path, 'SCMP_ACT_NOTIFY needs a process that answers for the kernel, and hutch has none');
  }
  return wordAt(path, value, 'action', SECCOMP_ACTIONS);
}

/** Two conditions on one argument are refused: some runtimes ask for both of them, others for either. */
function parseArguments(path: string, value: unknown): SeccompArgument[] {
  const args = elementsAt(path, value).map((element) => parseArgument(element.path, element.value));
  const twice = args.find(({ index }, position) => args.findIndex((other) => other.index === index) !== position);
  if (twice === undefined) return args;
  const hint = 'Write one rule for each alternative.';
  throw invalidAt(path, `two conditions on argument ${twice.index}, which runtimes understand differently`, hint);
}

function parseArgument(path: string, value: unknown): SeccompArgument {
  const fields = fieldsAt(path, value, ARGUMENT_FIELDS);
  return {
    index: integerAt(`${path}.index`, fields['index'], MAX_ARGUMENT_INDEX),
    value: parseValue(`${path}.value`, fields['value']),
    ...(fields['valueTwo'] === undefined ? {} : { valueTwo: parseValue(`${path}.valueTwo`, fields['valueTwo']) }),
    op: wordAt(`${path}.op`, fields['op'], 'operator', SECCOMP_OPERATORS),
  };
}

function parseValue(path: string, value: unknown): SeccompValue {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  if (typeof value === 'string' && /^\d{1,20}$/u.test(value) && BigInt(value) < 2n ** 64n) return value;
  const hint = 'Write numbers from 2^53 on as a string of decimal digits, because JSON numbers are not exact there.';
  throw invalidAt(path, `${JSON.stringify(value)} is not an exact unsigned 64-bit number`, hint);
}

/** Which of the conditions in `includes` or `excludes` hold; one entry for each capability, one for the rest each. */
function parseFilter(path: string, value: unknown, options: SeccompProfileOptions): boolean[] {
  const fields = fieldsAt(path, value, ['caps', 'arches', 'minKernel']);
  const held = parseCapabilities(options.capabilities);
  const holds = parseCapabilities(stringsAt(`${path}.caps`, fields['caps'])).map((name) => held.includes(name));
  const arches = elementsAt(`${path}.arches`, fields['arches']).map((element) =>
    wordAt(element.path, element.value, 'architecture', DOCKER_ARCHITECTURE_NAMES),
  );
  if (arches.length > 0) holds.push(arches.includes(DOCKER_ARCHITECTURES[options.architecture] ?? 'x32'));
  const minimum = fields['minKernel'];
  if (minimum !== undefined) holds.push(isAtLeast(options.kernelRelease, parseMinimum(`${path}.minKernel`, minimum)));
  return holds;
}

function parseMinimum(path: string, value: unknown): string {
  if (typeof value === 'string' && /^\d+\.\d+$/u.test(value)) return value;
  throw invalidAt(path, `${JSON.stringify(value)} is not a kernel version`, 'Write it as in "5.15".');
}

function isAtLeast(release: string, minimum: string): boolean {
  const [major = 0, minor = 0] = release.split('.').map((part) => parseInt(part, 10));
  const [wantedMajor = 0, wantedMinor = 0] = minimum.split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

/** `architectures` as they stand, or what `archMap` has for the native one; the format wants one of both at most. */
function parseArchitectures(at: PathOf, fields: Fields, native: Architecture): SeccompArchitecture[] {
  const listed = elementsAt(at('architectures'), fields['architectures']);
  const mapped = elementsAt(at('archMap'), fields['archMap']);
  if (listed.length > 0 && mapped.length > 0)
    throw invalidAt(at('archMap'), 'stands beside "architectures"', 'Keep one.');
  const ours = mapped.flatMap(({ path, value }) => {
    const entry = fieldsAt(path, value, ['architecture', 'subArchitectures']);
    const architecture = parseArchitecture(`${path}.architecture`, entry['architecture']);
    const companions = elementsAt(`${path}.subArchitectures`, entry['subArchitectures']).flatMap((element) =>
      parseArchitecture(element.path, element.value),
    );
    return architecture.some((name) => SECCOMP_ARCHITECTURES[name] === native) ? [...architecture, ...companions] : [];
  });
  return [...listed.flatMap(({ path, value }) => parseArchitecture(path, value)), ...ours];
}

function parseArchitecture(path: string, value: unknown): SeccompArchitecture[] {
  const ours = Object.keys(SECCOMP_ARCHITECTURES) as SeccompArchitecture[];
  const word = wordAt(path, value, 'architecture', [...ours, ...ELSEWHERE_NAMES]);
  return ours.filter((name) => name === word);
}
