/** Ending what is left of a container's connections through a network helper that has died; in the monitor and the hub, on the host's side. */
import { isHutchError } from '../errors/hutch-error.ts';
import { runInNetwork } from '../host/network-queues.ts';

/** An address of the container's, and where connections from it do not go by the helper: CIDR notation, or an address alone. */
export interface Side {
  readonly address: string;
  readonly near: string;
}

/**
 * Ends each TCP connection of the network namespace of host process `pid` that went through the helper, with ECONNABORTED for who holds one. The next
 * helper knows nothing of them, and counts its sequence numbers from the beginning again: to a socket in TIME_WAIT a new connection by the same port
 * of the client looks like an old packet, is answered with an ACK and must wait for six seconds. Where the kernel or ss(8) cannot, it stays so.
 * Source: ss(8) -K, CONFIG_INET_DIAG_DESTROY.
 */
export async function endConnections(pid: number, sides: readonly Side[]): Promise<void> {
  if (sides.length === 0) return;
  try {
    await runInNetwork(pid, [
      'ss',
      '--kill',
      '--tcp',
      '--numeric',
      '--no-header',
      'state',
      'synchronized',
      filterOf(sides),
    ]);
  } catch (error) {
    if (!isHutchError(error, 'HOST_TOOL_MISSING', 'HOST_TOOL_FAILED')) throw error;
  }
}

/** Pure: those connections in the words of ss(8). Connections among containers, and of one with itself, are none of them. */
export function filterOf(sides: readonly Side[]): string {
  const own = sides.map(({ address }) => `src ${address}`).join(' or ');
  return [`( ${own} )`, ...sides.map(({ near }) => `not dst ${near}`)].join(' and ');
}
