/** Having slirp4netns lead ports of the host to a container; in the monitor, on the host's side. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { HutchError } from '../errors/hutch-error.ts';
import { tryPort } from '../host/host-port.ts';
import type { StepFields } from '../plan/step.ts';

type PublishedPort = StepFields['publish_ports']['ports'][number];

const PATIENCE_MS = 5000;

/**
 * Asks at the control socket of slirp4netns for each port. PORT_UNAVAILABLE names the first that it could not have: the helper itself does not say
 * why, so the port is tried once more. Returns the numbers by which it can be asked to end each. Source: slirp4netns(1), API SOCKET.
 */
export async function publishPorts(socketPath: string, ports: readonly PublishedPort[]): Promise<number[]> {
  const ids: number[] = [];
  for (const port of ports) {
    const answer = await askHelper(socketPath, {
      execute: 'add_hostfwd',
      arguments: {
        proto: port.protocol,
        host_addr: port.hostAddress,
        host_port: port.hostPort,
        guest_port: port.containerPort,
      },
    });
    if (!('return' in answer)) throw await refused(port, JSON.stringify(answer));
    ids.push((answer.return as { readonly id?: number }).id ?? 0);
  }
  return ids;
}

/** Asks slirp4netns at its control socket: one question to a connection; the answer ends it. NETWORK_FAILED. */
export async function askHelper(path: string, question: object): Promise<object> {
  const socket = connect(path);
  try {
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('no answer')));
    await once(socket, 'connect');
    socket.write(JSON.stringify(question));
    const parts: Buffer[] = [];
    for await (const part of socket) parts.push(part as Buffer);
    return JSON.parse(Buffer.concat(parts).toString()) as object;
  } catch (cause) {
    throw new HutchError(`slirp4netns did not publish a port: ${String(cause)}`, {
      code: 'NETWORK_FAILED',
      hint: 'try again; `hutch doctor` shows whether slirp4netns works',
      cause,
    });
  } finally {
    socket.destroy();
  }
}

async function refused(port: PublishedPort, words: string): Promise<HutchError> {
  const errno = await tryPort(port);
  const reason =
    typeof errno === 'number'
      ? words
      : errno === 'EADDRINUSE'
        ? 'it is in use by now (EADDRINUSE)'
        : `${errno}: ${words}`;
  const { hostAddress, hostPort, protocol } = port;
  return new HutchError(`cannot publish ${protocol} port ${String(hostPort)} of ${hostAddress}: ${reason}`, {
    code: 'PORT_UNAVAILABLE',
    hint: 'end who listens there (`ss -ltnup` tells), or make the container with another port',
    context: { port: hostPort, address: hostAddress },
  });
}
