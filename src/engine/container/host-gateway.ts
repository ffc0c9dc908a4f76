/** The names by which a container reaches the host that it runs on, and only where `--allow-host-loopback` lets it; reads the host. */
import { HutchError } from '../../errors/hutch-error.ts';
import type { NetworkDriver } from '../../drivers/network/driver.ts';
import type { RunRequest } from './run-request.ts';

/** Ours, docker's and podman's. */
export const HOST_NAMES = ['host.hutch.internal', 'host.docker.internal', 'host.containers.internal'] as const;
/** Stands in `--add-host NAME:host-gateway` for the address, as with docker. */
export const HOST_GATEWAY = 'host-gateway';

type Asked = Pick<RunRequest, 'allowHostLoopback'>;

/** The address in the container that leads to the host; null where that is not allowed. USAGE_INVALID for a network that has no such address. */
export function hostGateway({ allowHostLoopback }: Asked, network: NetworkDriver): string | null {
  if (!allowHostLoopback) return network.name === 'host' ? network.hostGateway() : null;
  const address = network.hostGateway();
  if (address !== null) return address;
  throw new HutchError(`--allow-host-loopback: nothing in --net ${network.name} leads to the host`, {
    code: 'USAGE_INVALID',
    hint: 'leave it out, or use --net slirp4netns',
    context: { network: network.name },
  });
}

/** USAGE_INVALID with the flag that would allow it. */
export function refuseHostGateway(text: string): HutchError {
  return new HutchError(
    `--add-host ${text}: containers do not reach the host's own services unless they are allowed to`,
    {
      code: 'USAGE_INVALID',
      hint: 'add --allow-host-loopback, which opens everything that listens on the loopback of this host to the container',
      context: { host: text },
    },
  );
}
