/** `hutch port`: what of a container is reached through ports of the host; in the CLI process. */
import { HutchError } from '../../errors/hutch-error.ts';
import { findContainer } from '../../state/container-record.ts';
import { locateStore } from '../../state/store.ts';
import { badValue } from './parse-values.ts';

/**
 * Lines such as `80/tcp -> 0.0.0.0:8080`; none, as no network driver publishes ports yet. CONTAINER_UNKNOWN; USAGE_INVALID for `port`
 * (`80` or `80/udp`) when that one is not published.
 */
export function publishedPorts(word: string, port: string | undefined): readonly string[] {
  const { name } = findContainer(locateStore(), word);
  if (port === undefined) return [];
  if (!/^\d{1,5}(?:\/(?:tcp|udp|sctp))?$/u.test(port)) throw badValue('PORT', port, 'a port such as 80 or 53/udp');
  throw new HutchError(`no port of the host leads to port ${port} of container "${name}"`, {
    code: 'USAGE_INVALID',
    hint: 'hutch cannot publish ports yet; with --net host the port is one of the host',
    context: { container: name, port },
  });
}
