/** Network driver `host`: the container shares the host's network namespace. */
import type { NetworkDriver } from './driver.ts';

export const hostDriver: NetworkDriver = {
  name: 'host',
  isPrivate: false,
  helper: null,
  nameServers: null,
  device: null,
  address: null,
  check: () => undefined,
};
