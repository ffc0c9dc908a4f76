/** Which of the ports that a container publishes lead to it; pure. */
import type { PublishedPort } from '../../oci/published-port.ts';
import type { ContainerRecord } from '../../state/container-record.ts';
import type { ContainerState } from '../../state/container-state.ts';

/** All of a container that runs, but none as long as it is on networks of its user that all lead nowhere. */
export function leadingPorts(
  { ports = [], networks }: Pick<ContainerRecord, 'ports' | 'networks'>,
  { endpoints }: Pick<ContainerState, 'endpoints'>,
): readonly PublishedPort[] {
  if (networks === undefined) return ports;
  return endpoints?.some(({ isInternal }) => isInternal !== true) === true ? ports : [];
}
