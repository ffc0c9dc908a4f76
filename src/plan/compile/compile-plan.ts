/** The order of things: a runtime spec and the host's answers become a plan. Pure. */
import { defaultSysctls } from '../../oci/default-sysctls.ts';
import { HUTCH_ANNOTATIONS, isNew, isPrivate, joinedContainer, type RuntimeSpec } from '../../oci/runtime-spec.ts';
import { checkOrder } from '../check/order.ts';
import type { Enter, Plan, Step, Why } from '../step.ts';
import { compileCgroup, compileCgroupNamespace, isInCgroups } from './compile-cgroup.ts';
import { compileIdentity, compileOomScore } from './compile-identity.ts';
import { compileMounts } from './compile-mounts.ts';
import { compileNetworkRate } from './compile-network-rate.ts';
import { compileRootfs } from './compile-rootfs.ts';
import { compileSecurity } from './compile-security.ts';
import type { CompileInput } from './input.ts';

/** Namespaces that init makes itself; user, pid and time are made by the launch chain. */
const MADE_BY_INIT = ['mount', 'uts', 'ipc', 'network', 'cgroup'] as const;

/**
 * Compiles the spec. The same spec and input always give the same plan. ID_UNMAPPED when the payload's user has no id, SPEC_INVALID
 * for what no plan can express; a plan in a wrong order, which would be a bug, is SPEC_INVALID too.
 */
export function compilePlan(spec: RuntimeSpec, input: CompileInput): Plan {
  const plan: Plan = {
    version: 1,
    prepare: input.prepare,
    enter: compileEnter(spec, input),
    steps: compileSteps(spec, input),
  };
  checkOrder(plan);
  return plan;
}

function compileEnter(spec: RuntimeSpec, input: CompileInput): Enter {
  const offsets = spec.linux.timeOffsets;
  const container = joinedContainer(spec);
  return {
    userNamespaces: input.userNamespaces,
    pid: isPrivate(spec, 'pid') ? 'private' : 'host',
    time: isPrivate(spec, 'time')
      ? { monotonicSeconds: offsets?.monotonic.secs ?? 0, boottimeSeconds: offsets?.boottime.secs ?? 0 }
      : null,
    ...(container === undefined ? {} : { network: { container } }),
    why:
      container === undefined
        ? {
            spec: 'linux.uidMappings',
            text: 'an ordinary user may make every other namespace only inside a user namespace of its own',
          }
        : {
            spec: 'linux.namespaces',
            text: 'a network namespace can be used only from within the user namespace that owns it, so both are joined',
          },
  };
}

function compileSteps(spec: RuntimeSpec, input: CompileInput): Step[] {
  const [outer] = input.userNamespaces;
  const cgroup = compileCgroup(spec);
  const cgroupNamespace = compileCgroupNamespace(spec);
  const network = [
    ...waitForNetwork(input),
    ...waitForNetworks(input),
    ...publishPorts(input),
    ...compileNetworkRate(spec, input.networkDevice ?? null),
  ];
  const mounts = compileMounts(spec);
  const sysctls = compileSysctls(spec);
  const wait = awaitMonitor([...cgroup, ...network]);
  // A setting of the network that somebody has asked for may be about the device that the helper makes.
  const isWantedEarly = cgroup.length > 0 || sysctls.some(({ name, optional }) => !optional && /^net[./]/u.test(name));
  return [
    {
      kind: 'setsid',
      why: hutch('leave the session of whoever started hutch, so that no terminal of the host is in reach'),
    },
    {
      kind: 'become_root',
      clearGroups: outer.writer !== 'self',
      why: hutch('root of the user namespace prepares the container; groups of the host user are dropped'),
    },
    ...compileOomScore(spec),
    ...cgroup,
    ...waitForRootfs(input),
    {
      kind: 'unshare',
      namespaces: MADE_BY_INIT.filter(
        (name) => name === 'mount' || (isNew(spec, name) && (name !== 'cgroup' || cgroupNamespace.length === 0)),
      ),
      why: {
        spec: 'linux.namespaces',
        text: `its own view of mounts, host name, message queues${cgroupNamespace.length === 0 ? ', network and cgroups' : ' and network'}`,
      },
    },
    { kind: 'make_slave', why: hutch('mounts made from here on stay in this mount namespace') },
    ...network,
    ...compileNames(spec),
    ...compileRootfs(input.rootfs),
    ...mounts.filter((step) => cgroup.length === 0 || !isInCgroups(step)),
    ...compileNetwork(spec),
    ...(isWantedEarly ? wait : []),
    ...cgroupNamespace,
    ...mounts.filter((step) => cgroup.length > 0 && isInCgroups(step)),
    ...sysctls,
    ...compileStdio(spec),
    ...compileCovers(spec),
    ...compileReadOnlyRoot(spec, input.rootfs),
    ...(isWantedEarly ? [] : wait),
    {
      kind: 'pivot_root',
      why: { spec: 'root.path', text: 'the container sees its own root; the tree of the host is unmounted' },
    },
    ...compileIdentity(spec, input),
    ...compileSecurity(spec, input),
  ];
}

function waitForRootfs({ rootfs }: CompileInput): Step[] {
  if (rootfs.kind !== 'helper') return [];
  const why = {
    spec: 'root',
    text: 'fuse-overlayfs mounts the root from the outer pid namespace, where the container cannot see it',
  };
  return [{ kind: 'wait_for', what: 'rootfs', helper: rootfs.argv, why }];
}

function waitForNetwork({ networkHelper }: CompileInput): Step[] {
  if (networkHelper === null) return [];
  const why = {
    spec: `annotations["${HUTCH_ANNOTATIONS.network}"]`,
    text: 'the network helper puts its tap device into the new network namespace',
  };
  return [{ kind: 'wait_for', what: 'network', helper: networkHelper, meanwhile: true, why }];
}

function waitForNetworks({ networks = [], withIPv6 = [] }: CompileInput): Step[] {
  if (networks.length === 0) return [];
  const why = {
    spec: `annotations["${HUTCH_ANNOTATIONS.network}"]`,
    text: 'the hub of your networks puts one end of a cable into the new network namespace and the other into a bridge, and leads published ports here',
  };
  const six = withIPv6.length === 0 ? {} : { withIPv6 };
  return [{ kind: 'wait_for', what: 'networks', helper: [], networks, ...six, meanwhile: true, why }];
}

function publishPorts({ ports = [] }: CompileInput): Step[] {
  if (ports.length === 0) return [];
  const why = {
    spec: `annotations["${HUTCH_ANNOTATIONS.ports}"]`,
    text: 'whoever connects to these ports of the host reaches the container; nobody else can from outside',
  };
  return [{ kind: 'publish_ports', ports, meanwhile: true, why }];
}

/** As late as can be: whatever else there is to do is done by then. */
function awaitMonitor(asked: readonly Step[]): Step[] {
  if (asked.length === 0) return [];
  const why = hutch('the payload must not run before its limits hold and its network stands');
  return [{ kind: 'await_monitor', why }];
}

function compileNames(spec: RuntimeSpec): Step[] {
  const { hostname, domainname } = spec;
  if (hostname === undefined || !isPrivate(spec, 'uts')) return [];
  return [
    { kind: 'set_hostname', hostname, why: { spec: 'hostname', text: 'a host name of its own' } },
    ...(domainname === undefined ? [] : compileDomain(domainname)),
  ];
}

function compileDomain(domainname: string): Step[] {
  return [{ kind: 'set_domainname', domainname, why: { spec: 'domainname', text: 'an NIS domain of its own' } }];
}

function compileNetwork(spec: RuntimeSpec): Step[] {
  if (!isNew(spec, 'network')) return [];
  return [
    { kind: 'loopback_up', why: { spec: 'linux.namespaces', text: 'a new network namespace starts with lo down' } },
  ];
}

function compileSysctls(spec: RuntimeSpec): Step<'sysctl'>[] {
  const conveniences = defaultSysctls(spec.linux.gidMappings);
  return Object.entries(spec.linux.sysctl).map(([name, value]) => ({
    kind: 'sysctl',
    name,
    value,
    // Set by hutch itself for every private network; a kernel without them still runs the container.
    optional: conveniences[name] === value,
    why: { spec: `linux.sysctl["${name}"]`, text: 'a kernel setting that belongs to one of the new namespaces' },
  }));
}

function compileStdio(spec: RuntimeSpec): Step[] {
  const { user, terminal } = spec.process;
  return [
    {
      kind: 'stdio',
      terminal,
      stdin: spec.annotations[HUTCH_ANNOTATIONS.stdin] === 'true',
      uid: user.uid,
      gid: user.gid,
      why: {
        spec: 'process.terminal',
        text: terminal
          ? "a terminal from the container's own devpts: typing into the user's terminal is impossible"
          : "pipes, never the caller's own files or terminal",
      },
    },
  ];
}

function compileCovers(spec: RuntimeSpec): Step[] {
  const readOnly = spec.linux.readonlyPaths.map((target, index): Step => ({
    kind: 'make_read_only',
    target,
    why: {
      spec: `linux.readonlyPaths[${String(index)}]`,
      text: 'settings of the host kernel may be read, not changed',
    },
  }));
  const masked = spec.linux.maskedPaths.map((target, index): Step => ({
    kind: 'mask',
    target,
    why: {
      spec: `linux.maskedPaths[${String(index)}]`,
      text: "tells about the host's kernel, hardware or other users",
    },
  }));
  return [...readOnly, ...masked];
}

function compileReadOnlyRoot(spec: RuntimeSpec, rootfs: CompileInput['rootfs']): Step[] {
  if (!spec.root.readonly) return [];
  const why = { spec: 'root.readonly', text: 'nothing in the image can be changed' };
  const covered = new Set(spec.mounts.map(({ destination }) => destination));
  const parts = rootfs.kind === 'host' ? rootfs.overlays.map(({ lower }) => lower) : [];
  return [
    ...parts
      .filter((target) => !covered.has(target))
      .map((target): Step => ({ kind: 'make_root_read_only', target, why })),
    { kind: 'make_root_read_only', why },
  ];
}

function hutch(text: string): Why {
  return { spec: 'hutch', text };
}
