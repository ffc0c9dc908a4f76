/** Network driver `host`: the container shares the host's network namespace. */
import type { NetworkDriver } from './driver.ts';

export const hostDriver: NetworkDriver = {
  name: 'host',
  isPrivate: false,
  helper: null,
  isAskedForPorts: false,
  refusal: () => Promise.resolve('its ports are those of the host'),
  nameServers: null,
  device: null,
  address: null,
  hostGateway: () => '127.0.0.1',
  check: () => undefined,
};
