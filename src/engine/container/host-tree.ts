/** Where a container of the image `host` keeps what it has written, and what of that hutch has made itself; on the host's side. */
import { join } from 'node:path';
import { HutchError } from '../../errors/hutch-error.ts';
import type { ContainerTree, OwnEntry } from '../../images/layer/pack-protocol.ts';
import type { Plan, Step } from '../../plan/step.ts';
import { containerDirectory, type ContainerRecord } from '../../state/container-record.ts';
import { currentState, isBusy } from '../../state/container-state.ts';
import { readJsonFile } from '../../state/json-file.ts';
import type { Store } from '../../state/store.ts';
import { mountedPaths } from './container-tree.ts';

/** As the container's last plan puts the root together. RECORD_CORRUPT where that is missing. */
export function locateHostTree(store: Store, record: ContainerRecord): ContainerTree {
  const path = containerDirectory(store, record.id);
  const plan = readJsonFile(join(path, 'plan.json')) as Plan | undefined;
  if (plan === undefined) throw withoutPlan(record);
  const isLive = isBusy(currentState(store, record));
  return { ...hostTreeOf(plan, path), isLive, mounted: [...coveredPaths(plan), ...mountedPaths(path)] };
}

type Written = Pick<ContainerTree, 'directory' | 'own' | 'upper' | 'lower' | 'isWholeCopy'>;

/** `path` is the container's directory; those in the result begin at the store. Pure. */
export function hostTreeOf(plan: Plan, path: string): Written {
  const directory = path.split('/').slice(-2).join('/');
  const { steps, prepare } = plan;
  const skeleton = prepare.directories.flatMap((made) => placesOf(made, [`${path}/host`, `${path}/upper`]));
  const own = [
    ...skeleton.map((place): [string, OwnEntry] => [place, { kind: 'directory' }]),
    ...steps.flatMap((step) => ownEntry(step, directory)),
  ];
  // With a helper all of the host lies below at once.
  const isWhole = !steps.some(({ kind }) => kind === 'overlay_host_directory');
  const lower = isWhole ? [''] : [];
  return { directory, own: Object.fromEntries(own), upper: `${directory}/upper`, lower, isWholeCopy: false };
}

/** The directories made for the container's root below one of these on the way to `made`, as it sees them. */
function placesOf(made: string, uppers: readonly string[]): string[] {
  const place = uppers.filter((upper) => made.startsWith(`${upper}/`)).map((upper) => made.slice(upper.length + 1))[0];
  const parts = place?.split('/') ?? [];
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
}

function ownEntry(step: Step, directory: string): [string, OwnEntry][] {
  if (step.why.spec !== 'root.path') return [];
  switch (step.kind) {
    case 'overlay_host_directory':
      return [[step.target, { kind: 'directory', upper: `${directory}/${step.upper}`, lower: [step.lower] }]];
    case 'make_directory':
      return [[step.target, { kind: 'directory' }]];
    case 'bind':
      return step.create === 'directory' ? [[step.target, { kind: 'directory' }]] : [];
    case 'make_symlink':
      return [[step.target, { kind: 'link', to: step.to }]];
    default:
      return [];
  }
}

/** What a helper shows of the host, and hutch hides. */
function coveredPaths({ steps }: Plan): string[] {
  return steps.flatMap((step) => {
    if (step.why.spec !== 'root.path') return [];
    return step.kind === 'mount' || (step.kind === 'bind' && step.create === 'file') ? [step.target] : [];
  });
}

function withoutPlan({ name }: ContainerRecord): HutchError {
  return new HutchError(`container "${name}" is not whole: its plan is missing`, {
    code: 'RECORD_CORRUPT',
    hint: 'remove it with hutch rm, and make it again',
    context: { container: name },
  });
}
