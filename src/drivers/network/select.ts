/** Finding a network driver by its name. */
import type { NetworkDriver, NetworkDriverName } from './driver.ts';
import { bridgeDriver } from './bridge.ts';
import { hostDriver } from './host.ts';
import { noneDriver } from './none.ts';
import { pastaDriver } from './pasta.ts';
import { slirp4netnsDriver } from './slirp4netns.ts';

const DRIVERS: Readonly<Record<NetworkDriverName, NetworkDriver>> = {
  pasta: pastaDriver,
  slirp4netns: slirp4netnsDriver,
  none: noneDriver,
  host: hostDriver,
  bridge: bridgeDriver(null),
};

/** The driver of a name. */
export function networkDriver(name: NetworkDriverName): NetworkDriver {
  return DRIVERS[name];
}
