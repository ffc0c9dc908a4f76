/** Starting slirp4netns against a network namespace, as for a container; on the host's side. Source: slirp4netns(1). */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { failed, fine, you, type Diagnosis, type Finding, type Topic } from '../../host/probe/finding.ts';
import { installFix } from '../../host/probe/install-hint.ts';
import { findTool } from '../../host/run-tool.ts';
import { spawnInUserns } from '../run-in-userns.ts';

export const SLIRP4NETNS: Topic = { id: 'slirp4netns', title: 'slirp4netns', needed: true };

const DEADLINE_MS = 8000;
const OPTIONS = [
  '--configure',
  '--mtu=65520',
  '--disable-host-loopback',
  '--enable-sandbox',
  '--enable-seccomp',
  '--ready-fd=3',
];

/** Makes a network namespace, lets slirp4netns configure it, waits for its word on the ready descriptor, and ends both. */
export async function probeSlirp4netns(path = findTool('slirp4netns')): Promise<Finding> {
  if (path === undefined) {
    return failed(SLIRP4NETNS, 'slirp4netns is not installed', {
      cause: 'it carries the network of containers',
      fix: [you('hutch run --net none …, or --net host'), installFix('slirp4netns')],
    });
  }
  const startedAt = performance.now();
  const answer = await tryOnce(path);
  const tookMs = Math.round(performance.now() - startedAt);
  if (answer.isReady) return fine(SLIRP4NETNS, `ready after ${tookMs} ms, with sandbox and seccomp`);
  return failed(SLIRP4NETNS, answer.said, explainSlirp(answer.said));
}

interface Answer {
  readonly isReady: boolean;
  readonly said: string;
}

async function tryOnce(path: string): Promise<Answer> {
  const script = 'echo made; exec sleep 30';
  const { child: holder } = await spawnInUserns(['unshare', '--net', '--', 'sh', '-c', script], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    if (!(await speaks(holder, holder.stdout))) return { isReady: false, said: 'no network namespace could be made' };
    return await attach(path, holder.pid ?? 0);
  } finally {
    await end(holder);
  }
}

async function attach(path: string, pid: number): Promise<Answer> {
  // As the driver has it: its own fence must not reach the mounts of the host.
  const alone = process.getuid?.() === 0 ? ['unshare', '--mount', '--propagation', 'private', '--'] : [];
  const argv = [...alone, path, ...OPTIONS, String(pid), 'tap0'];
  const slirp = spawn(argv[0] ?? path, argv.slice(1), { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
  let stderr = '';
  slirp.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const isReady = await speaks(slirp, slirp.stdio[3] as Readable);
  await end(slirp);
  const complaint = stderr
    .split('\n')
    .filter((line) => !/^(WARNING|sent tapfd|received tapfd|\s|\* )/u.test(line))
    .join('; ');
  return { isReady, said: complaint.replace(/(; )+$/u, '') || 'it gave no sign of being ready' };
}

/** True when `stream` says anything before the process ends or the deadline passes. */
async function speaks(child: ChildProcess, stream: Readable | null): Promise<boolean> {
  if (stream === null) return false;
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const first = once(stream, 'data', { signal }).then(() => true);
  const closed = once(child, 'close', { signal }).then(() => false);
  return Promise.race([first, closed]).catch(() => false);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed.catch(() => undefined);
}

/** Why slirp4netns did not become ready, from what it said. */
export function explainSlirp(said: string): Diagnosis {
  const instead = you('hutch run --net none …, or --net host');
  if (/\/dev\/net\/tun|tun/iu.test(said)) {
    return { cause: 'it could not open /dev/net/tun (see there)', fix: [instead] };
  }
  if (/unrecognized option|seccomp|sandbox/iu.test(said)) {
    return {
      cause: 'this slirp4netns cannot put itself behind its own fences, and hutch does not start it without',
      fix: [instead, installFix('slirp4netns')],
    };
  }
  return { cause: 'it could not enter or configure the namespace', fix: [instead] };
}
