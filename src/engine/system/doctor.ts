/** `hutch doctor`: tries everything that `hutch run` builds on, and says what is wrong and who can mend it; CLI process. */
import { landlockAbi } from '../../monitor/landlock-abi.ts';
import { chooseMaps } from '../../userns/choose-maps.ts';
import { findDirectories } from '../../host/directories.ts';
import { CGROUP, judgeCgroup, readCgroupFacts } from '../../host/probe/cgroup.ts';
import { FUSE_DEVICE, probeDevice, TUN_DEVICE } from '../../host/probe/device-nodes.ts';
import { conclude, skipped, type Finding, type Topic } from '../../host/probe/finding.ts';
import {
  KERNEL,
  NAMESPACE_LIMITS,
  probeKernel,
  probeNamespaceLimits,
  probeSeccomp,
  SECCOMP,
} from '../../host/probe/kernel.ts';
import {
  DIRECTORIES,
  judgeStoreSpace,
  probeDirectories,
  probeRuntimeDirectory,
  readStoreSpace,
  RUNTIME_DIRECTORY,
  STORE_FILE_SYSTEM,
} from '../../host/probe/places.ts';
import { INIT_REAPER, probeInitReaper, probePrograms, PROGRAMS } from '../../host/probe/programs.ts';
import {
  APPARMOR,
  LANDLOCK,
  probeApparmor,
  probeLandlock,
  probeSelinux,
  SELINUX,
} from '../../host/probe/security-modules.ts';
import { nodePath } from '../../host/program-path.ts';
import { locateStore } from '../../state/store.ts';
import { ID_MAPS, probeIdMaps } from '../../userns/probe/id-maps.ts';
import {
  MOUNT_NAMESPACE,
  NET_NAMESPACE,
  PID_NAMESPACE,
  probeMountNamespace,
  probeNetNamespace,
  probePidNamespace,
  probeSmallNamespaces,
  probeTimeNamespace,
  SMALL_NAMESPACES,
  TIME_NAMESPACE,
} from '../../userns/probe/namespaces.ts';
import { probeSlirp4netns, SLIRP4NETNS } from '../../userns/probe/slirp4netns.ts';
import { probeSubordinateGrants, SUBORDINATE_IDS } from '../../userns/probe/subordinate-grants.ts';
import { probeUserNamespace, USER_NAMESPACE } from '../../userns/probe/user-namespace.ts';
import { loginName } from '../../userns/subordinate-ids.ts';
import { NETWORK_RATE, probeNetworkRate } from './rate-findings.ts';
import { judgeSettings, lessenBySettings, readWishes, SETTINGS, type Wishes } from './settings-findings.ts';
import { DRIVER_TOPICS, probeStorage, STORAGE } from './storage-findings.ts';

export type { Finding } from '../../host/probe/finding.ts';

export interface HealthReport {
  /** True when `hutch run` with no further flags would work. */
  readonly willRun: boolean;
  /** In the order in which one thing builds on another. */
  readonly findings: readonly Finding[];
}

export interface DoctorOptions {
  /** In place of the kernel's own answer. */
  readonly landlockAbi?: number;
}

type Check = readonly [Topic, () => Finding | Promise<Finding>];

/** Tries everything, what does not depend on each other at the same time. Changes nothing that outlives it but the probe cache. */
export async function examineHost(options: DoctorOptions = {}): Promise<HealthReport> {
  const wishes = readWishes(locateStore());
  const [basics, tried] = await Promise.all([
    concludeAll(basicChecks(options.landlockAbi ?? landlockAbi(), wishes)),
    conclude(USER_NAMESPACE, () => probeUserNamespace(nodePath())),
  ]);
  // What a missing program has to say about namespaces misleads.
  const lacksPrograms = basics.some(({ id, status }) => id === PROGRAMS.id && status === 'fail');
  const userNamespace = lacksPrograms ? skipped(USER_NAMESPACE, `not tried: ${PROGRAMS.title} are missing`) : tried;
  const apparmor = await conclude(APPARMOR, () => probeApparmor(userNamespace.status === 'ok', nodePath()));
  const maps = await concludeBelow(userNamespace, [[ID_MAPS, probeIdMaps]]);
  const rest = await concludeBelow(maps[0] ?? userNamespace, namespaceChecks());
  const storage = await storageFindings(maps[0] ?? userNamespace, wishes);
  const findings = lessenBySettings([...basics, userNamespace, apparmor, ...maps, ...rest, ...storage], wishes);
  return { willRun: canRun(findings), findings };
}

/** False when something that is needed failed, or could not be tried. */
export function canRun(findings: readonly Finding[]): boolean {
  return findings.every(({ needed, status }) => !needed || status === 'ok' || status === 'warn');
}

function basicChecks(landlockAbi: number | null, wishes: Wishes): Check[] {
  const directories = findDirectories();
  const uid = process.getuid?.() ?? 0;
  return [
    [KERNEL, () => probeKernel()],
    [PROGRAMS, probePrograms],
    [INIT_REAPER, () => probeInitReaper()],
    [NAMESPACE_LIMITS, () => probeNamespaceLimits()],
    [SECCOMP, () => probeSeccomp()],
    [LANDLOCK, () => probeLandlock(landlockAbi)],
    [SELINUX, () => probeSelinux()],
    [DIRECTORIES, async () => probeDirectories({ directories, uid, storeOwners: await storeOwners(uid) })],
    [RUNTIME_DIRECTORY, () => probeRuntimeDirectory()],
    [STORE_FILE_SYSTEM, () => judgeStoreSpace(readStoreSpace(directories.data))],
    [SETTINGS, () => judgeSettings(locateStore(), wishes)],
    [CGROUP, async () => judgeCgroup(await readCgroupFacts())],
    [SUBORDINATE_IDS, () => probeSubordinateGrants(uid, loginName())],
    [FUSE_DEVICE, () => probeDevice(FUSE_DEVICE)],
    [TUN_DEVICE, () => probeDevice(TUN_DEVICE)],
  ];
}

// Root's store belongs to the host id behind root of its containers.
async function storeOwners(uid: number): Promise<number[]> {
  if (uid !== 0) return [];
  return (await chooseMaps()).userNamespace.uidMap.slice(0, 1).map(({ hostId }) => hostId);
}

function namespaceChecks(): Check[] {
  return [
    [MOUNT_NAMESPACE, probeMountNamespace],
    [PID_NAMESPACE, probePidNamespace],
    [NET_NAMESPACE, probeNetNamespace],
    [SMALL_NAMESPACES, probeSmallNamespaces],
    [TIME_NAMESPACE, probeTimeNamespace],
    [SLIRP4NETNS, () => probeSlirp4netns()],
    [NETWORK_RATE, () => probeNetworkRate()],
  ];
}

function concludeAll(checks: readonly Check[]): Promise<Finding[]> {
  return Promise.all(checks.map(([topic, probe]) => conclude(topic, probe)));
}

async function concludeBelow(base: Finding, checks: readonly Check[]): Promise<Finding[]> {
  if (isUsable(base)) return concludeAll(checks);
  return checks.map(([topic]) => skipped(topic, `not tried: ${base.title} failed`));
}

function isUsable({ status }: Finding): boolean {
  return status === 'ok' || status === 'warn';
}

async function storageFindings(base: Finding, { storageDriver }: Wishes): Promise<readonly Finding[]> {
  if (isUsable(base)) return probeStorage(locateStore(), storageDriver);
  return [...DRIVER_TOPICS, STORAGE].map((topic) => skipped(topic, `not tried: ${base.title} failed`));
}
