/** Having slirp4netns lead ports of the host to a container; in the monitor, on the host's side. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { isRelayed } from '../drivers/network/slirp-limits.ts';
import { HutchError } from '../errors/hutch-error.ts';
import { tryPort } from '../host/host-port.ts';
import type { PublishedPort } from '../oci/published-port.ts';
import { PortRelay } from './port-relay.ts';

const PATIENCE_MS = 5000;

/** How a port that leads to a container is ended: the number by which slirp4netns knows it, and the relay before it, where there is one. */
export interface Lead {
  readonly id: number;
  readonly relay?: PortRelay;
}

/**
 * Has slirp4netns listen for each port, or a relay of our own where slirp4netns cannot. PORT_UNAVAILABLE names the first that could not be had, and then none
 * has a relay.
 */
export async function publishPorts(socketPath: string, ports: readonly PublishedPort[]): Promise<Lead[]> {
  const leads: Lead[] = [];
  try {
    for (const port of ports)
      leads.push(
        await (isRelayed(port)
          ? publishRelayed(socketPath, port)
          : publishPort(socketPath, port).then((id) => ({ id }))),
      );
    return leads;
  } catch (error) {
    endRelays(leads);
    throw error;
  }
}

export function endRelays(leads: readonly Lead[]): void {
  for (const { relay } of leads) relay?.[Symbol.dispose]();
}

/** slirp4netns listens at a port of 127.0.0.1 that nobody has chosen; somebody may take it before. */
async function publishRelayed(socketPath: string, port: PublishedPort, tries = 3): Promise<Lead> {
  const inner = { ...port, hostAddress: '127.0.0.1' };
  const innerPort = Number(await tryPort({ ...inner, hostPort: 0 }));
  const id = await publishPort(socketPath, { ...inner, hostPort: innerPort }).catch((error: unknown) => {
    if (tries > 1) return undefined;
    throw error;
  });
  if (id === undefined) return publishRelayed(socketPath, port, tries - 1);
  try {
    return { id, relay: await PortRelay.listen({ host: port.hostAddress, port: port.hostPort }, innerPort) };
  } catch (cause) {
    await withdrawPort(socketPath, id);
    throw await refused(port, String(cause));
  }
}

/** Asks at the control socket. The helper itself does not say why it refuses, so the port is tried once more. Source: slirp4netns(1), API SOCKET. */
async function publishPort(socketPath: string, port: PublishedPort): Promise<number> {
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
  return (answer.return as { readonly id?: number }).id ?? 0;
}

/** Whether the helper lives or not: it does not lead there any more. */
export async function withdrawPort(socketPath: string, id: number): Promise<void> {
  await askHelper(socketPath, { execute: 'remove_hostfwd', arguments: { id } }).catch(() => undefined);
}

/** Asks slirp4netns at its control socket: one question to a connection; the answer ends it. NETWORK_FAILED. */
async function askHelper(path: string, question: object): Promise<object> {
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
