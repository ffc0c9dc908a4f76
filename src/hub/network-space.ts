/** The network namespace that holds the bridges of a user, and the resolver process that keeps it; in the hub, on the host's side. */
import type { Readable, Writable } from 'node:stream';
import { HutchError } from '../errors/hutch-error.ts';
import { runInNetwork } from '../host/network-queues.ts';
import { nodePath, programPath } from '../host/program-path.ts';
import { deleteLink, errnoOfAnswer, newVethPair, type VethPair } from '../linux/rtnetlink.ts';
import { createLineParser, type ResolverMessage, type ResolverTable } from '../protocol/hub.ts';
import { errnoName } from '../syscall/syscall-error.ts';
import type { Syscalls } from '../syscall/syscalls.ts';
import { spawnInUserns, type UsernsProcess } from '../userns/run-in-userns.ts';
import { baseRules, OUTWARD, REFUSALS } from './rules.ts';

const LISTENS_FD = 3;
const SAYS_FD = 4;
const OUTER_ADDRESSES = ['fe80::100/64', 'fd00::100/64'];
const OUTER_GATEWAY = 'fd00::2';

export class NetworkSpace implements Disposable {
  /** Resolves when the resolver, and the namespace with it, has ended. */
  readonly ended: Promise<unknown>;
  /** Host pid of the resolver. */
  readonly pid: number;
  private readonly child: UsernsProcess['child'];
  private readonly socket: number;
  private readonly syscalls: Syscalls;
  /** Of each table that the resolver has not taken yet, who waits for that. */
  private readonly waiting: (() => void)[];

  private constructor({ child, exit }: UsernsProcess, syscalls: Syscalls, { netlink, waiting }: Ready) {
    this.child = child;
    this.ended = exit;
    this.waiting = waiting;
    this.pid = child.pid ?? 0;
    this.syscalls = syscalls;
    const pidfd = syscalls.pidfd_open(this.pid);
    try {
      this.socket = syscalls.pidfd_getfd(pidfd, netlink);
    } finally {
      syscalls.close(pidfd);
    }
  }

  /** Makes the namespace, with its packet filter and without a bridge. USERNS_FAILED, NETWORK_FAILED, HOST_TOOL_MISSING. */
  static async open(syscalls: Syscalls): Promise<NetworkSpace> {
    const resolver = await spawnInUserns([nodePath(), '--disable-sigusr1', '--no-warnings', programPath('resolver')], {
      stdio: ['ignore', 'ignore', 2, 'pipe', 'pipe'],
      network: true,
    });
    const space = await Promise.race([
      ready(resolver.child).then((words) => new NetworkSpace(resolver, syscalls, words)),
      resolver.exit.then((code) => {
        throw failed(`the resolver ended with code ${String(code)}`);
      }),
    ]);
    const [refuse, drop] = REFUSALS;
    // Nothing of the first is left where the kernel does not take all of it.
    await space.filter(baseRules(refuse)).catch(() => space.filter(baseRules(drop)));
    return space;
  }

  /** Resolves when names are answered from the table. */
  tell(table: ResolverTable): Promise<void> {
    const took = new Promise<void>((resolve) => this.waiting.push(resolve));
    (this.child.stdio[LISTENS_FD] as Writable).write(`${JSON.stringify(table)}\n`);
    return took;
  }

  /** Lines for ip(8). NETWORK_FAILED with its words. */
  async ip(lines: readonly string[]): Promise<void> {
    await this.feed(['ip', '-batch', '-'], `${lines.join('\n')}\n`);
  }

  /** Text for nft(8). NETWORK_FAILED with its words. */
  async filter(rules: string): Promise<void> {
    await this.feed(['nft', '-f', '-'], rules);
  }

  /**
   * Gives the outer device what slirp4netns would announce to it: no announcement of any router is heard here. Source: slirp4netns(1), its network fd00::/64.
   */
  async leadIPv6(): Promise<void> {
    await this.ip([
      ...OUTER_ADDRESSES.map((address) => `addr replace ${address} dev ${OUTWARD} nodad`),
      `route replace default via ${OUTER_GATEWAY} dev ${OUTWARD}`,
    ]);
  }

  /** A pair of devices, one end here and one in another network namespace of ours. NETWORK_FAILED. */
  addPair(pair: VethPair): void {
    this.ask(newVethPair(pair), `a device for ${pair.there.device}`);
  }

  /** Nothing happens when it is gone already. */
  removeDevice(device: string): void {
    errnoOfAnswer(this.syscalls.askRoute(this.socket, deleteLink(device)));
  }

  [Symbol.dispose](): void {
    this.child.kill('SIGKILL');
    this.syscalls.close(this.socket);
  }

  private ask(message: Buffer, what: string): void {
    const errno = errnoOfAnswer(this.syscalls.askRoute(this.socket, message));
    if (errno !== 0) throw failed(`the kernel refused ${what}: ${errnoName(errno)}`);
  }

  private async feed(argv: readonly [string, ...string[]], input: string): Promise<void> {
    const { code, stderr } = await runInNetwork(this.pid, argv, input);
    if (code !== 0) throw failed(`\`${argv.join(' ')}\`: ${stderr.trim().split('\n')[0] ?? ''}`);
  }
}

interface Ready {
  readonly netlink: number;
  readonly waiting: (() => void)[];
}

function ready(child: UsernsProcess['child']): Promise<Ready> {
  const says = child.stdio[SAYS_FD] as Readable;
  // EPIPE: it has ended, which is heard elsewhere.
  (child.stdio[LISTENS_FD] as Writable).on('error', () => undefined);
  const waiting: (() => void)[] = [];
  return new Promise((resolve) => {
    const parse = createLineParser((words) => {
      const message = words as ResolverMessage;
      if (message.event === 'resolver_ready') resolve({ netlink: message.netlink, waiting });
      else waiting.shift()?.();
    });
    says.setEncoding('utf8').on('data', parse);
  });
}

export function failed(reason: string): HutchError {
  return new HutchError(`the network of your containers could not be set up: ${reason}`, {
    code: 'NETWORK_FAILED',
    hint: 'see `hutch doctor`; a kernel without bridges, veth or nf_tables needs an admin: modprobe -a bridge veth nf_tables',
  });
}
