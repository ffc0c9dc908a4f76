/** `--filter` of `hutch ps`; reads the host, in the CLI process. */
import { HutchError, isHutchError } from '../../errors/hutch-error.ts';
import { fullName, parseReference } from '../../images/reference.ts';
import { resolveImage } from '../../images/store/find-image.ts';
import { findContainer, type ContainerRecord } from '../../state/container-record.ts';
import type { ContainerState } from '../../state/container-state.ts';
import type { NetworkAttachment } from '../../state/network-record.ts';
import { peekNetwork } from '../../state/networks.ts';
import type { Store } from '../../state/store.ts';
import { momentOf } from '../parse-moment.ts';
import { hasLabel } from '../prune-filter.ts';
import { exposedBy, exposedPorts, overlaps, parsePortRange, type PortRange } from './exposed-ports.ts';
import { networkOf, readSpec, volumesOf } from './read-spec.ts';

export interface Candidate {
  readonly record: ContainerRecord;
  readonly state: ContainerState;
}

type Test = (candidate: Candidate) => boolean;
type MakeTest = (value: string, store: Store) => Test;

const STATUSES: readonly string[] = [
  'created',
  'running',
  'paused',
  'restarting',
  'exited',
  'removing',
] satisfies readonly ContainerState['status'][];
const HEALTH: readonly string[] = ['starting', 'healthy', 'unhealthy', 'none'];
const POLICIES: readonly string[] = ['no', 'on-failure', 'always', 'unless-stopped'];

/** Words of docker and podman for what is one status here; what hutch's containers are never in is still a word. */
const OTHER_STATUSES: Readonly<Record<string, string>> = { stopped: 'exited', dead: 'dead', configured: 'created' };

const TESTS: Readonly<Record<string, MakeTest>> = {
  id:
    (value) =>
    ({ record }) =>
      record.id.startsWith(value),
  name: (value) => {
    const pattern = patternOf('name', value);
    // docker's names begin with a slash, and its users write ^/name$.
    return ({ record }) => pattern.test(record.name) || pattern.test(`/${record.name}`);
  },
  label:
    (value) =>
    ({ record }) =>
      hasLabel(value)(record),
  'label!':
    (value) =>
    ({ record }) =>
      !hasLabel(value)(record),
  status: (value) => {
    const status = OTHER_STATUSES[value] ?? oneOf('status', value, STATUSES);
    return ({ state }) => state.status === status;
  },
  health: (value) => {
    const wanted = oneOf('health', value, HEALTH);
    return ({ state }) => (state.health?.status ?? 'none') === wanted;
  },
  exited: (value) => {
    if (!/^\d+$/u.test(value)) throw invalid(`exited=${value}`, 'an exit code, such as exited=0');
    return ({ state }) => state.status === 'exited' && state.exitCode === Number(value);
  },
  ancestor: (value, store) => ancestorTest(store, value),
  before: (value, store) => {
    const { createdAt } = findContainer(store, value);
    return ({ record }) => record.createdAt < createdAt;
  },
  since: (value, store) => {
    const { createdAt } = findContainer(store, value);
    return ({ record }) => record.createdAt > createdAt;
  },
  until: (value) => {
    const limitMs = momentOf(value);
    if (limitMs === undefined) throw invalid(`until=${value}`, 'until=24h or until=2026-01-31');
    return ({ record }) => Date.parse(record.createdAt) < limitMs;
  },
  volume:
    (value, store) =>
    ({ record: { id } }) => {
      const spec = readSpec(store, id);
      return (
        spec !== undefined &&
        volumesOf(store, spec).some(({ source, destination }) => [source, destination].includes(value))
      );
    },
  network:
    (value, store) =>
    ({ record }) => {
      if (record.networks !== undefined) return isOn(store, record.networks, value);
      const spec = readSpec(store, record.id);
      return spec !== undefined && networkOf(spec) === value;
    },
  publish: (value) => {
    const wanted = portsOf('publish', value);
    return ({ record: { ports = [] } }) => ports.some((port) => overlaps(wanted, exposedBy(port)));
  },
  // What is published counts as exposed, as with docker.
  expose: (value) => {
    const wanted = portsOf('expose', value);
    return ({ record }) => exposedPorts(record).some((range) => overlaps(wanted, range));
  },
  command: (value) => {
    const pattern = patternOf('command', value);
    return ({ record }) => pattern.test(record.command.join(' '));
  },
  // Of docker's swarm, which there is none of.
  'is-task': (value) => {
    const isTask = oneOf('is-task', value, ['true', 'false']) === 'true';
    return () => !isTask;
  },
  'restart-policy': (value) => {
    const policy = oneOf('restart-policy', value, POLICIES);
    return ({ record }) => record.restart.name === policy;
  },
};

/** Filters of which a container must fit every one. */
const ALL_MUST_FIT: readonly string[] = ['label', 'label!'];

export interface ContainerFilter {
  readonly fits: Test;
  /** Whoever asks for a status wants containers that do not run, too. */
  readonly namesStatus: boolean;
}

/**
 * The filter that these words make: a container must fit each key, and of several values of one key any (of labels: every one).
 * USAGE_INVALID names the word at fault; CONTAINER_UNKNOWN for `before` and `since`.
 */
export function parseContainerFilter(store: Store, words: readonly string[]): ContainerFilter {
  const tests = new Map<string, Test[]>();
  for (const word of words) {
    const [key, value] = splitWord(word);
    const make = Object.hasOwn(TESTS, key) ? TESTS[key] : undefined;
    if (make === undefined) throw invalid(word, `one of ${Object.keys(TESTS).join(', ')}`);
    tests.set(key, [...(tests.get(key) ?? []), make(value, store)]);
  }
  return {
    fits: (candidate) =>
      [...tests].every(([key, alternatives]) =>
        ALL_MUST_FIT.includes(key)
          ? alternatives.every((test) => test(candidate))
          : alternatives.some((test) => test(candidate)),
      ),
    namesStatus: tests.has('status'),
  };
}

function splitWord(word: string): [string, string] {
  const equals = word.indexOf('=');
  const isEmpty = equals === word.length - 1 && !MAY_BE_EMPTY.includes(word.slice(0, equals));
  if (equals <= 0 || isEmpty) throw invalid(word, 'KEY=VALUE, such as status=exited');
  return [word.slice(0, equals), word.slice(equals + 1)];
}

/** By name, or by the id of a network that is there. */
function isOn(store: Store, networks: readonly NetworkAttachment[], value: string): boolean {
  return networks.some(
    ({ network }) => network === value || peekNetwork(store, network)?.id.startsWith(value) === true,
  );
}

/** As docker: a port of the container, or a range of them, of TCP unless it says otherwise. */
function portsOf(key: 'publish' | 'expose', value: string): PortRange {
  const range = parsePortRange(value);
  if (range !== undefined) return range;
  throw invalid(`${key}=${value}`, `a port of the container: ${key}=80, ${key}=53/udp or ${key}=8000-8080/tcp`);
}

/** What may be empty, and then fits every container, as with docker and podman. */
const MAY_BE_EMPTY: readonly string[] = ['id', 'name'];

function patternOf(key: string, text: string): RegExp {
  try {
    return new RegExp(text, 'u');
  } catch {
    throw invalid(`${key}=${text}`, 'a part of it, or a regular expression');
  }
}

/** By what the user called the image, by its id, and by its layers: an image that was built on it has the same ones below. */
function ancestorTest(store: Store, value: string): Test {
  const layers = layersOf(store, value);
  const isBelow = (all: readonly string[]): boolean =>
    layers.length > 0 && layers.every((diffId, index) => all[index] === diffId);
  return ({ record: { image } }) =>
    image.reference === value ||
    nameOf(image.reference) === nameOf(value) ||
    (/^[0-9a-f]{4,64}$/u.test(value) && image.id.startsWith(`sha256:${value}`)) ||
    isBelow(image.layers);
}

function layersOf(store: Store, value: string): readonly string[] {
  try {
    return resolveImage(store, value, 'size').layers.map(({ diffId }) => diffId);
  } catch (error) {
    if (isHutchError(error, 'IMAGE_UNKNOWN', 'REFERENCE_INVALID', 'RECORD_CORRUPT')) return [];
    throw error;
  }
}

/** With the tag that is meant when none is written; the word itself when it is no name. */
function nameOf(word: string): string {
  try {
    return fullName(parseReference(word));
  } catch (error) {
    if (isHutchError(error, 'REFERENCE_INVALID')) return word;
    throw error;
  }
}

function oneOf(key: string, value: string, known: readonly string[]): string {
  if (known.includes(value)) return value;
  throw invalid(`${key}=${value}`, `one of ${known.join(', ')}`);
}

function invalid(word: string, form: string): HutchError {
  return new HutchError(`--filter "${word}" is not known`, {
    code: 'USAGE_INVALID',
    hint: `use ${form}`,
    context: { filter: word },
  });
}
