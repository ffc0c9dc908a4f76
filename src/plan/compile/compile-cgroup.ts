/** The spec's limits as steps: the container's own cgroup, asked for before anything else of it is made, and the namespace that begins there; pure. */
import { cgroupSettings } from '../../oci/cgroup-settings.ts';
import { HUTCH_ANNOTATIONS, isNew, type RuntimeSpec } from '../../oci/runtime-spec.ts';
import type { Step } from '../step.ts';

/** The step, or nothing for a container without a cgroup of its own. `existing`: for a program more in a running one. */
export function compileCgroup(spec: RuntimeSpec, { existing = false } = {}): Step[] {
  const { linux, annotations } = spec;
  if (linux.cgroupsPath === undefined) return [];
  const driver = annotations[HUTCH_ANNOTATIONS.cgroupDriver] === 'cgroupfs' ? 'cgroupfs' : 'systemd';
  return [
    {
      kind: 'join_cgroup',
      driver,
      ...placeOf(linux.cgroupsPath),
      settings: existing ? [] : cgroupSettings(linux.resources ?? {}),
      required: existing || annotations[HUTCH_ANNOTATIONS.cgroupRequired] === 'true',
      ...(existing ? { existing: true as const } : { ...ownerOf(spec), meanwhile: true as const }),
      why: {
        spec: existing ? 'linux.cgroupsPath' : 'linux.resources',
        text: existing
          ? "what holds for the container's own processes holds for this one"
          : 'limits and meters of its own',
      },
    },
  ];
}

/** The namespace of a container whose cgroup is made meanwhile; nothing where there is no such cgroup, or the namespace is the host's. */
export function compileCgroupNamespace(spec: RuntimeSpec): Step[] {
  if (spec.linux.cgroupsPath === undefined || !isNew(spec, 'cgroup')) return [];
  const why = {
    spec: 'linux.namespaces',
    text: 'it begins at the cgroup of its own, so that nothing above can be seen or changed',
  };
  return [{ kind: 'unshare_cgroup', why }];
}

/** Whether a step mounts the tree of cgroups, whose root is that of the namespace, or something in it. */
export function isInCgroups(step: Step): boolean {
  if (step.kind !== 'mount' && step.kind !== 'bind') return false;
  return `${step.target}/`.startsWith('/sys/fs/cgroup/') || (step.kind === 'mount' && step.type === 'cgroup2');
}

/** One that may be divided belongs to root of the container, whoever has made it. */
function ownerOf({ mounts, linux }: RuntimeSpec): { readonly owner?: number } {
  const isDivided = mounts.some(({ type, options }) => type === 'cgroup2' && !options.includes('ro'));
  const root = linux.uidMappings.find(({ containerID }) => containerID === 0);
  return isDivided && root !== undefined ? { owner: root.hostID } : {};
}

/** Whoever makes the subtree, and what it is called. */
function placeOf(path: string): { readonly parent: string; readonly name: string } {
  const [slice, prefix, name] = path.split(':');
  if (slice !== undefined && prefix !== undefined && name !== undefined)
    return { parent: slice, name: `${prefix}-${name}` };
  const end = path.lastIndexOf('/');
  return { parent: path.slice(0, end), name: path.slice(end + 1) };
}
