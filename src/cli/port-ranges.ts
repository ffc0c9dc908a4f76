/** Published ports as a list for people; pure. */
import { hostEnd, type PublishedPort } from '../oci/published-port.ts';

/** `127.0.0.1:8080->80/tcp`, and `127.0.0.1:8000-8009->80-89/tcp` for ports that follow each other on both sides. */
export function portRanges(ports: readonly PublishedPort[]): string[] {
  const ranges: { first: PublishedPort; length: number }[] = [];
  const sorted = ports.toSorted(
    (a, b) =>
      a.containerPort - b.containerPort ||
      a.protocol.localeCompare(b.protocol) ||
      a.hostAddress.localeCompare(b.hostAddress),
  );
  for (const port of sorted) {
    const range = ranges.find(({ first, length }) => isNext(first, length, port));
    if (range === undefined) ranges.push({ first: port, length: 1 });
    else range.length += 1;
  }
  return ranges.map(({ first, length }) => {
    const to = (port: number): string => (length === 1 ? '' : `-${String(port + length - 1)}`);
    const { hostPort, containerPort, protocol } = first;
    return `${hostEnd(first)}${to(hostPort)}->${String(containerPort)}${to(containerPort)}/${protocol}`;
  });
}

function isNext(first: PublishedPort, length: number, port: PublishedPort): boolean {
  return (
    port.protocol === first.protocol &&
    port.hostAddress === first.hostAddress &&
    port.containerPort === first.containerPort + length &&
    port.hostPort === first.hostPort + length
  );
}
