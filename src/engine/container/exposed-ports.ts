/** Which ports a container says that it serves: those of its image, of --expose, and the published ones; pure. */
import type { PublishedPort } from '../../oci/published-port.ts';
import type { ContainerRecord } from '../../state/container-record.ts';

export interface PortRange {
  /** `tcp`, `udp` or `sctp`. */
  readonly protocol: string;
  readonly first: number;
  readonly last: number;
}

type Exposing = Pick<ContainerRecord, 'exposed' | 'ports'>;

const MOST_PORT = 65_535;

/** `80`, `53/udp`, `8000-8009/tcp`; TCP unless it says otherwise. Undefined for anything else. */
export function parsePortRange(word: string): PortRange | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/u.exec(word);
  if (match === null) return undefined;
  const [, first, last = first, protocol = 'tcp'] = match;
  const range = { protocol, first: Number(first), last: Number(last) };
  return range.first > range.last || range.last > MOST_PORT ? undefined : range;
}

export function exposedBy({ protocol, containerPort }: PublishedPort): PortRange {
  return { protocol, first: containerPort, last: containerPort };
}

/** What an image has that is no port is left out. */
export function exposedPorts({ exposed = [], ports = [] }: Exposing): readonly PortRange[] {
  const said = exposed.map(parsePortRange).filter((range) => range !== undefined);
  return [...said, ...ports.map(exposedBy)];
}

export function overlaps(a: PortRange, b: PortRange): boolean {
  return a.protocol === b.protocol && a.first <= b.last && b.first <= a.last;
}

/** As docker's inspect has them: `{"80/tcp": {}}`. */
export function describeExposed(record: Exposing): Readonly<Record<string, object>> {
  const names = exposedPorts(record).flatMap(({ protocol, first, last }) =>
    Array.from({ length: last - first + 1 }, (_, index) => `${String(first + index)}/${protocol}`),
  );
  return Object.fromEntries(names.map((name) => [name, {}]));
}
