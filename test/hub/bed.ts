/** What the tests of user networks share: networks, servers in containers, and the processes behind them. */

import assert from 'node:assert/strict';
import { addNetwork } from '../../src/state/networks.ts';
import { locateStore } from '../../src/state/store.ts';
import { descendants, eventually, type SeenProcess } from '../e2e/processes.ts';
import { printed, type Sandbox } from '../e2e/sandbox.ts';

/** Answers each connection with who has connected, and notes each UDP packet. */
export const SERVER = `
import socket, threading
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("", 9000))
def hear():
    while True: print("heard", *u.recvfrom(99), flush=True)
threading.Thread(target=hear, daemon=True).start()
s = socket.create_server(("", 80), backlog=100); print("ready", flush=True)
while True:
    c, (address, port) = s.accept(); c.sendall(address.encode()); c.close()
`;

/** Prints what a connection brings; arguments: address, port. */
export const CLIENT =
  'import socket,sys;c=socket.create_connection((sys.argv[1],int(sys.argv[2])),4);print(c.recv(99).decode())';

/** Networks as `hutch network create` makes them, 10.89.200.0/24 and the next ones. */
export async function makeNetwork(box: Sandbox, name: string, number: number, internal = false): Promise<void> {
  const store = locateStore({ data: box.data, run: box.run, config: box.directory });
  const subnet = `10.89.${String(number)}`;
  const made = await addNetwork(store, name, () => ({
    id: number.toString(16).padStart(64, '0'),
    name,
    createdAt: '2026-11-27T00:00:00.000Z',
    driver: 'bridge',
    subnet: `${subnet}.0/24`,
    gateway: `${subnet}.1`,
    internal,
    labels: {},
  }));
  assert.ok(made !== undefined);
}

/** Starts a server in a container, and waits until it listens. */
export async function serve(box: Sandbox, name: string, ...flags: readonly string[]): Promise<void> {
  const { code, stderr } = await box.hutch(['run', '-d', '--name', name, ...flags, 'host', 'python3', '-c', SERVER]);
  assert.equal(code, 0, stderr);
  for (let turn = 0; !(await box.hutch(['logs', name])).stdout.includes('ready'); turn += 1) assert.ok(turn < 200);
}

/** The address that a running container has on its device. */
export async function addressOf(box: Sandbox, name: string, device = 'eth0'): Promise<string> {
  const text = printed(await box.hutch(['exec', name, 'ip', '-4', '-o', 'addr', 'show', 'dev', device]));
  const address = /inet (\d+\.\d+\.\d+\.\d+)\//u.exec(text)?.[1];
  assert.ok(address !== undefined, text);
  return address;
}

/** What a program in a new container on `network` reads at an address; empty when nobody answers. */
export async function askFrom(box: Sandbox, network: string, address: string, port = 80): Promise<string> {
  const argv = ['run', '--rm', '--net', network, 'host', 'python3', '-c', CLIENT, address, String(port)];
  return (await box.hutch(argv)).stdout.trim();
}

export const HELPERS = {
  hub: /(?:hub\.cjs|hutch network hub)/u,
  resolver: /resolver\.cjs/u,
  slirp4netns: /slirp4netns .*tap0/u,
} as const;

/** The living helpers of this test's networks. */
export function helpers(kind?: keyof typeof HELPERS): SeenProcess[] {
  const patterns = kind === undefined ? Object.values(HELPERS) : [HELPERS[kind]];
  return descendants().filter(({ command }) => patterns.some((pattern) => pattern.test(command)));
}

/** Resolves when no helper is left. */
export async function allGone(): Promise<boolean> {
  return (await eventually(() => (helpers().length === 0 ? true : undefined))) === true;
}
