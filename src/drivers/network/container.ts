/** Network driver `container:ID`: the network namespace of another container, which runs. Nothing is made: that one's helper, ports and rate hold. */
import type { NetworkDriver } from './driver.ts';

/** The driver for the container of an id. It counts as private: what it leads to is not the host's. */
export function containerDriver(id: string): NetworkDriver {
  return {
    name: `container:${id}`,
    isPrivate: true,
    joins: id,
    helper: null,
    isAskedForPorts: false,
    refusal: () => Promise.resolve('its ports are those of the other container'),
    nameServers: null,
    device: null,
    address: null,
    hostGateway: () => null,
    check: () => undefined,
  };
}
