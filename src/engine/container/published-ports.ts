/** `hutch port`: what of a container is reached through ports of the host; in the CLI process. */
import { HutchError } from '../../errors/hutch-error.ts';
import { containerEnd, hostEnd } from '../../oci/published-port.ts';
import { findContainer } from '../../state/container-record.ts';
import { currentState, isBusy } from '../../state/container-state.ts';
import { locateStore } from '../../state/store.ts';
import { leadingPorts } from './leading-ports.ts';
import { listContainers } from './list-containers.ts';
import { badValue } from './parse-values.ts';

/** As publishedPorts(), of all containers that run, each line after the beginning of the id. */
export function allPublishedPorts(): readonly string[] {
  return listContainers({ all: false, last: null, filters: [] }).containers.flatMap(({ record: { id } }) =>
    publishedPorts(id, undefined).map((line) => `${id.slice(0, 12)}\t${line}`),
  );
}

/**
 * Lines such as `80/tcp -> 127.0.0.1:8080`, none for a container that does not run; for one `port` (`80` or `80/udp`) the host's end alone.
 * CONTAINER_UNKNOWN; USAGE_INVALID when that port is not published.
 */
export function publishedPorts(word: string, port: string | undefined): readonly string[] {
  const store = locateStore();
  const record = findContainer(store, word);
  const state = currentState(store, record);
  const ports = isBusy(state) ? leadingPorts(record, state) : [];
  if (port === undefined) return ports.map((each) => `${containerEnd(each)} -> ${hostEnd(each)}`);
  const [, number, protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp))?$/u.exec(port) ?? [];
  if (number === undefined) throw badValue('PORT', port, 'a port such as 80 or 53/udp');
  const found = ports.filter((each) => containerEnd(each) === `${String(Number(number))}/${protocol}`);
  if (found.length > 0) return found.map(hostEnd);
  throw new HutchError(`no port of the host leads to port ${number}/${protocol} of container "${record.name}"`, {
    code: 'USAGE_INVALID',
    hint: `hutch port ${record.name} lists those that do; -p HOST_PORT:${number} of run and create makes one`,
    context: { container: record.name, port },
  });
}
