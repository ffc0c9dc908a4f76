/** `hutch info`: what hutch has found on this host and what it uses of it; CLI process. */
import { landlockAbi } from '../../monitor/landlock-abi.ts';
import { readdirSync } from 'node:fs';
import { arch, availableParallelism, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { chooseRootfsDriver, type DriverProbe } from '../../drivers/rootfs/probe.ts';
import { HutchError } from '../../errors/hutch-error.ts';
import { readCgroupFacts } from '../../host/probe/cgroup.ts';
import { distributionName } from '../../host/probe/install-hint.ts';
import { probeSeccomp } from '../../host/probe/kernel.ts';
import { activeSecurityModules, probeLandlock, probeSelinux } from '../../host/probe/security-modules.ts';
import { readNumber } from '../../host/probe/read-text.ts';
import { findTool, runTool } from '../../host/run-tool.ts';
import type { IdExtent } from '../../linux/id-map.ts';
import { readJsonFile } from '../../state/json-file.ts';
import { locateStore, type Store } from '../../state/store.ts';
import { chooseMaps } from '../../userns/choose-maps.ts';
import { loginName } from '../../userns/subordinate-ids.ts';
import { readWishes, type Wishes } from './settings-findings.ts';

/** Fields are named as in `--format` templates. */
export interface HostDescription {
  readonly Kernel: string;
  readonly Distribution: string;
  readonly Architecture: string;
  readonly Processors: number;
  readonly MemoryBytes: number;
  readonly User: { readonly Name: string; readonly Uid: number; readonly Gid: number };
  readonly Ids: {
    readonly UidMap: readonly IdExtent[];
    readonly GidMap: readonly IdExtent[];
    /** Why only one id is mapped; null when all are. */
    readonly ReducedBecause: string | null;
  };
  readonly Storage: {
    /** Null when none works. */
    readonly Driver: string | null;
    readonly Tried: readonly Pick<DriverProbe, 'name' | 'ok' | 'reason'>[];
    readonly Problem: string | null;
  };
  readonly Network: { readonly Driver: string; readonly Version: string | null };
  readonly Cgroup: {
    readonly Version: string;
    readonly Manager: string | null;
    readonly Controllers: readonly string[];
  };
  readonly Security: {
    readonly Seccomp: boolean;
    readonly Landlock: string;
    readonly Modules: readonly string[];
    readonly Selinux: string;
    readonly ApparmorRestrictsUserns: boolean;
  };
  readonly Directories: { readonly Data: string; readonly Config: string; readonly Run: string };
  readonly Containers: number;
  readonly Images: number;
}

/** Asks the host. A part that does not work is described as such; `hutch doctor` says why. */
export async function describeHost(options: { readonly landlockAbi?: number } = {}): Promise<HostDescription> {
  const store = locateStore();
  const wishes = readWishes(store);
  const [Ids, Storage, Network, Cgroup] = await Promise.all([
    describeIds(),
    describeStorage(store, wishes),
    describeNetwork(wishes),
    describeCgroup(),
  ]);
  return {
    Kernel: release(),
    Distribution: distributionName(),
    Architecture: arch(),
    Processors: availableParallelism(),
    MemoryBytes: totalmem(),
    User: { Name: loginName() ?? '', Uid: process.getuid?.() ?? 0, Gid: process.getgid?.() ?? 0 },
    Ids,
    Storage,
    Network,
    Cgroup,
    Security: describeSecurity(options.landlockAbi ?? landlockAbi()),
    Directories: { Data: store.root, Config: store.config, Run: store.run },
    Containers: countContainers(store),
    Images: countImages(store),
  };
}

async function describeIds(): Promise<HostDescription['Ids']> {
  const { userNamespace, reducedBecause } = await chooseMaps();
  return { UidMap: userNamespace.uidMap, GidMap: userNamespace.gidMap, ReducedBecause: reducedBecause };
}

async function describeStorage(store: Store, wishes: Wishes): Promise<HostDescription['Storage']> {
  if (wishes.problem !== undefined) return { Driver: null, Tried: [], Problem: wishes.problem };
  try {
    const { name, tried } = await chooseRootfsDriver(store, wishes.storageDriver);
    return { Driver: name, Tried: tried, Problem: null };
  } catch (error) {
    if (!(error instanceof HutchError)) throw error;
    return { Driver: null, Tried: [], Problem: error.message };
  }
}

async function describeNetwork({ network }: Wishes): Promise<HostDescription['Network']> {
  if (network !== undefined && network !== 'slirp4netns') return { Driver: network, Version: null };
  const path = findTool('slirp4netns');
  if (path === undefined) return { Driver: 'none', Version: null };
  const { stdout } = await runTool([path, '--version'], { timeoutMs: 5000 });
  return { Driver: 'slirp4netns', Version: /\d+(\.\d+)+/u.exec(stdout)?.[0] ?? null };
}

async function describeCgroup(): Promise<HostDescription['Cgroup']> {
  const { isUnified, manager, controllers } = await readCgroupFacts();
  return { Version: isUnified ? 'v2' : 'none', Manager: manager, Controllers: controllers };
}

function describeSecurity(landlockAbi: number | null): HostDescription['Security'] {
  return {
    Seccomp: probeSeccomp().status === 'ok',
    Landlock: probeLandlock(landlockAbi).detail,
    Modules: activeSecurityModules(),
    Selinux: probeSelinux().detail,
    ApparmorRestrictsUserns: readNumber('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') === 1,
  };
}

function countContainers(store: Store): number {
  try {
    return readdirSync(store.containers, { withFileTypes: true }).filter((entry) => entry.isDirectory()).length;
  } catch {
    return 0;
  }
}

// image-layout.md of the OCI image specification: one manifest in index.json for each named image.
function countImages(store: Store): number {
  const index = readJsonFile(join(store.images, 'index.json'));
  const manifests = typeof index === 'object' && index !== null && 'manifests' in index ? index.manifests : [];
  return Array.isArray(manifests) ? manifests.length : 0;
}
