/** Network driver `none`: a network namespace with nothing but lo. */
import type { NetworkDriver } from './driver.ts';

export const noneDriver: NetworkDriver = {
  name: 'none',
  isPrivate: true,
  helper: null,
  nameServers: null,
  device: null,
  address: null,
  check: () => undefined,
};
