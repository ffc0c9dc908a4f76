/** What tests of networks need, and what they hear: of a published port, and of the events of a container. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { connect } from 'node:net';
import { printed, type Sandbox } from './sandbox.ts';

/** Why there can be no networks of the user here; false when there can. */
export function networkSkip(): string | false {
  const has = (tool: string): boolean =>
    spawnSync('sh', ['-c', `PATH=$PATH:/usr/sbin command -v ${tool}`]).status === 0;
  const missing = ['slirp4netns', 'ip', 'nft', 'python3'].find((tool) => !has(tool));
  if (missing !== undefined) return `${missing} is not installed`;
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
    return false;
  } catch {
    return '/dev/net/tun cannot be opened';
  }
}

/** What a connection from the host to a published port brings; empty when nobody answers. */
export async function askPort(port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.setTimeout(5000, () => socket.destroy());
  let text = '';
  socket.on('data', (bytes: Buffer) => (text += bytes.toString())).on('error', () => undefined);
  await once(socket, 'close').catch(() => undefined);
  return text;
}

/** What has happened to a container's network in the last hour: network_down, network_up, network_lost. */
export async function networkEvents(box: Sandbox, name: string): Promise<string[]> {
  const argv = ['events', '--since', '1h', '--stream=false', '--filter', `container=${name}`];
  return printed(await box.hutch([...argv, '--format', '{{.Action}}']))
    .split('\n')
    .filter((action) => action.startsWith('network_'));
}
