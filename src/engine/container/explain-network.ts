/** What befell the program that carries a container's network, in sentences; pure. */
import type { NetworkHealth } from '../../state/container-state.ts';

/** Nothing where it was never down. */
export function explainNetwork(network: NetworkHealth | null): string[] {
  if (network === null) return [];
  const { status, restarts, restartedAt, lostAt, reason } = network;
  const because = reason === null ? '' : `: ${reason}`;
  const counted =
    restarts === 0
      ? []
      : [
          `its helper was started again ${String(restarts)} time(s), last at ${restartedAt ?? '?'}${status === 'up' ? because : ''}; connections of before are gone`,
        ];
  if (status === 'up') return counted;
  const now =
    status === 'down'
      ? `down since ${lostAt ?? '?'}, its helper is being started again${because}`
      : `network lost since ${lostAt ?? '?'}${because}`;
  return [now, ...counted];
}
