/** Network driver `bridge`: user networks. The hub connects the container to them, and reaches the outside for all by one slirp4netns. */
import { requireTool } from '../../host/run-tool.ts';
import type { NetworkDriver } from './driver.ts';
import { refusalOf, requireTun } from './slirp-limits.ts';

/** The first network's; of others eth1 and so on. */
const DEVICE = 'eth0';
const TOOLS = ['slirp4netns', 'ip', 'nft', 'nsenter'] as const;

/** The driver for a container whose first network has this gateway, which is its name server as well; null where that is not asked. */
export function bridgeDriver(gateway: string | null): NetworkDriver {
  return {
    name: 'bridge',
    isPrivate: true,
    helper: null,
    isAskedForPorts: false,
    refusal: (port) => Promise.resolve(refusalOf(port)),
    nameServers: gateway === null ? [] : [gateway],
    device: DEVICE,
    address: null,
    hostGateway: () => null,
    check: () => {
      for (const tool of TOOLS)
        requireTool(tool, 'connect containers by networks of their own (--net slirp4netns does without)');
      requireTun();
    },
  };
}
