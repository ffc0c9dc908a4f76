/** Network driver `none`: a network namespace with nothing but lo. */
import type { NetworkDriver } from './driver.ts';

export const noneDriver: NetworkDriver = {
  name: 'none',
  isPrivate: true,
  helper: null,
  isAskedForPorts: false,
  refusal: () => Promise.resolve('no packet of the host gets into it'),
  nameServers: null,
  device: null,
  address: null,
  hostGateway: () => null,
  check: () => undefined,
};
