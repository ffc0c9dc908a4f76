/** The subordinate ids of a user: how many, and whether they are that user's alone; on the host's side. Source: subuid(5). */
import {
  admin,
  lessened,
  fine,
  you,
  type Diagnosis,
  type Finding,
  type Fix,
  type Topic,
} from '../../host/probe/finding.ts';
import { readText } from '../../host/probe/read-text.ts';
import { findSubordinateIds, readSubordinateFile, type IdRange } from '../subordinate-ids.ts';

export const SUBORDINATE_IDS: Topic = { id: 'subordinate-ids', title: 'subordinate ids', needed: false };

/** What an image may contain: 0 to 65535; the user's own id is one of them. */
const FULL_COUNT = 65_535;
/** Below lie the ids that useradd(8) and adduser(8) give to people. */
const FIRST_SUBORDINATE = 100_000;

export interface OwnedRange extends IdRange {
  /** A name or a number, as in the file. */
  readonly owner: string;
}

export interface Account {
  readonly name: string;
  readonly id: number;
}

export interface GrantFacts {
  /** As the file of grants names the user. */
  readonly user: string;
  readonly id: number;
  readonly kind: 'uid' | 'gid';
  readonly own: readonly IdRange[];
  readonly all: readonly OwnedRange[];
  readonly accounts: readonly Account[];
}

/** Looks at both files; root needs no grant, and is told of ranges of anybody that overlap. */
export async function probeSubordinateGrants(uid: number, name: string | undefined): Promise<Finding> {
  const user = name ?? String(uid);
  const ids = await findSubordinateIds(uid, name);
  const facts = (['uid', 'gid'] as const).map((kind): GrantFacts => ({
    user,
    id: uid,
    kind,
    own: kind === 'uid' ? ids.uids : ids.gids,
    all: readSubordinateFile(fileOf(kind)),
    accounts: readAccounts(kind === 'uid' ? '/etc/passwd' : '/etc/group'),
  }));
  return judgeGrants(facts);
}

function fileOf(kind: GrantFacts['kind']): string {
  return `/etc/sub${kind}`;
}

// passwd(5) and group(5) both have the name first and the number third.
export function readAccounts(path: string, text = readText(path) ?? ''): Account[] {
  return text
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => /^\d+$/u.test(fields[2] ?? ''))
    .map(([name = '', , id]) => ({ name, id: Number(id) }));
}

export function judgeGrants(facts: readonly GrantFacts[]): Finding {
  const detail = facts.map(describeGrant).join(', ');
  const diagnoses = facts.map(explainGrant).filter((diagnosis) => diagnosis !== null);
  if (diagnoses.length === 0) return fine(SUBORDINATE_IDS, detail);
  const fixes = diagnoses.flatMap((diagnosis) => diagnosis.fix);
  return lessened(SUBORDINATE_IDS, detail, {
    cause: diagnoses.map((diagnosis) => diagnosis.cause).join('; '),
    fix: fixes.filter((fix, index) => fixes.findIndex((other) => other.text === fix.text) === index),
  });
}

function describeGrant({ kind, own, id }: GrantFacts): string {
  if (id === 0 && own.length === 0) return `${kind}s: not needed by root`;
  const ranges = own.map(({ start, count }) => `${start}-${start + count - 1}`);
  return `${kind}s: ${ranges.length === 0 ? 'none' : ranges.join(' ')}`;
}

function explainGrant(facts: GrantFacts): Diagnosis | null {
  const { kind, own, id, user } = facts;
  const count = own.reduce((sum, range) => sum + range.count, 0);
  if (count < FULL_COUNT && id !== 0) {
    const has = count === 0 ? 'no range' : `only ${count} ids`;
    return {
      cause: `${user} has ${has} in ${fileOf(kind)}: images with files of other ${kind}s cannot be shown rightly`,
      fix: [you('run containers with a single id meanwhile: hutch does so by itself'), grantFix(facts)],
    };
  }
  const overlap = findOverlaps(facts)[0];
  if (overlap === undefined) return null;
  return { cause: overlap, fix: [repairFix(facts)] };
}

/** Sentences about each pair of ranges, or range and account, that share ids; for root about everybody's. */
export function findOverlaps({ kind, user, id, all, accounts }: GrantFacts): string[] {
  const isOwn = (range: OwnedRange): boolean => range.owner === user || range.owner === String(id);
  const ranges = id === 0 ? all : all.filter(isOwn);
  const betweenUsers = ranges.flatMap((range) =>
    all
      .filter((other) => other.owner !== range.owner && !(isOwn(other) && isOwn(range)) && share(range, other))
      .map(
        (other) =>
          `${fileOf(kind)} gives ids of ${range.owner} (${textOf(range)}) to ${other.owner} (${textOf(other)}) too`,
      ),
  );
  const withAccounts = ranges.flatMap((range) =>
    accounts
      .filter((account) => share(range, { start: account.id, count: 1 }))
      .map(
        (account) =>
          `${kind} ${account.id} of the account ${account.name} lies in the range of ${range.owner} (${textOf(range)})`,
      ),
  );
  return [...betweenUsers, ...withAccounts];
}

function share(a: IdRange, b: IdRange): boolean {
  return a.start < b.start + b.count && b.start < a.start + a.count;
}

function textOf({ start, count }: IdRange): string {
  return `${start}-${start + count - 1}`;
}

/** The first whole range of 65536 ids above every grant and account. */
export function suggestStart(all: readonly IdRange[], accounts: readonly Account[]): number {
  // 65534 is nobody, and the top of the number space is used by systemd for its own purposes.
  const taken = accounts.map(({ id }) => id + 1).filter((end) => end < 0x7000_0000 && end !== 65_535);
  const highest = Math.max(FIRST_SUBORDINATE, ...all.map(({ start, count }) => start + count), ...taken);
  return FIRST_SUBORDINATE + Math.ceil((highest - FIRST_SUBORDINATE) / 65_536) * 65_536;
}

function grantFix({ user, kind, all, accounts }: GrantFacts): Fix {
  const start = suggestStart(all, accounts);
  const option = kind === 'uid' ? '--add-subuids' : '--add-subgids';
  return admin(`usermod ${option} ${start}-${start + 65_535} ${user}`);
}

function repairFix(facts: GrantFacts): Fix {
  const start = suggestStart(facts.all, facts.accounts);
  return admin(
    `edit ${fileOf(facts.kind)}: give one of them the free range ${start}:65536 (files made by its containers keep the old ids)`,
  );
}
