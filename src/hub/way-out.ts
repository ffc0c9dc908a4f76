/** The slirp4netns that leads all of a user's networks to the outside, and that it is started again when it dies; in the hub. */
import { rmSync } from 'node:fs';
import { HELPER_API } from '../drivers/network/driver.ts';
import { networkDriver } from '../drivers/network/select.ts';
import { ENABLE_IPV6 } from '../drivers/network/slirp-limits.ts';
import { deepenBacklogs } from '../monitor/deepen-backlogs.ts';
import { startNetworkHelper, type NetworkHelper } from '../monitor/network-program.ts';
import { NetworkBackoff } from '../monitor/network-backoff.ts';
import { endRelays, publishPorts, withdrawPort, type Lead } from '../monitor/publish-ports.ts';
import type { PublishedPort } from '../oci/published-port.ts';
import type { Syscalls } from '../syscall/syscalls.ts';

/** Of the range that nobody takes by chance. Source: ip_local_port_range in ip(7). */
const FIRST_OUTER_PORT = 1024;
const LAST_OUTER_PORT = 32_000;

export interface WayOutOptions {
  /** Of the process in the network namespace. */
  readonly pid: number;
  /** Where its control socket is. */
  readonly apiSocket: string;
  readonly syscalls: Syscalls;
  /** A new helper is there, and leads no port yet. */
  readonly onNewHelper: () => Promise<void>;
  /** Gives the outer device its IPv6 addresses and its route. */
  readonly leadIPv6: () => Promise<void>;
  readonly onChange: (what: 'restarted' | 'lost', detail: string) => void;
}

/** A port of the host that leads to a port of the namespace's outer device. */
interface Published {
  readonly port: PublishedPort;
  readonly outerPort: number;
  /** Left out while nothing leads there. */
  lead?: Lead;
}

export class WayOut implements Disposable {
  private readonly options: WayOutOptions;
  private readonly backoff = new NetworkBackoff();
  private readonly published = new Set<Published>();
  private helper: NetworkHelper | undefined;
  private nextPort = FIRST_OUTER_PORT;
  private isOver = false;
  private isIPv6Wanted = false;
  /** slirp4netns leads IPv6 to the outside, too: the host had a route when it was started. */
  private hasIPv6 = false;

  constructor(options: WayOutOptions) {
    this.options = options;
  }

  /** Returns the pid of the helper, if it lives. DRIVER_UNAVAILABLE, NETWORK_FAILED. */
  async start(): Promise<number[]> {
    const driver = networkDriver('slirp4netns');
    driver.check();
    rmSync(this.options.apiSocket, { force: true });
    const anyPort: PublishedPort = { protocol: 'tcp', hostAddress: '127.0.0.1', hostPort: 0, containerPort: 0 };
    const words = (driver.helper?.({ ports: [anyPort], hostLoopback: false }) ?? []).map((word) =>
      word.replace(HELPER_API, this.options.apiSocket),
    );
    const helper = await startNetworkHelper(words, this.options.pid);
    this.helper = helper;
    this.hasIPv6 = words.includes(ENABLE_IPV6);
    if (this.isOver) helper[Symbol.dispose]();
    void helper.ended.then((reason) => {
      if (this.helper === helper) void this.bringBack(reason);
    });
    await this.leadIPv6();
    return helper.pid === undefined ? [] : [helper.pid];
  }

  /** A network has IPv6: its containers go out by that, too, where the host does. NETWORK_FAILED. */
  async wantIPv6(): Promise<void> {
    if (this.isIPv6Wanted) return;
    this.isIPv6Wanted = true;
    await this.leadIPv6();
  }

  private async leadIPv6(): Promise<void> {
    if (this.isIPv6Wanted && this.hasIPv6 && this.helper !== undefined) await this.options.leadIPv6();
  }

  /** Has the host listen; returns the port of the outer device that it leads to. PORT_UNAVAILABLE, NETWORK_FAILED. */
  async publish(port: PublishedPort): Promise<number> {
    const published: Published = { port, outerPort: this.freePort() };
    this.published.add(published);
    try {
      await this.lead(published);
    } catch (error) {
      this.published.delete(published);
      throw error;
    }
    return published.outerPort;
  }

  async withdraw(outerPort: number): Promise<void> {
    const found = [...this.published].find((published) => published.outerPort === outerPort);
    if (found === undefined) return;
    this.published.delete(found);
    if (found.lead === undefined) return;
    endRelays([found.lead]);
    await withdrawPort(this.options.apiSocket, found.lead.id);
  }

  [Symbol.dispose](): void {
    this.isOver = true;
    this.backoff.end();
    for (const { lead } of this.published) if (lead !== undefined) endRelays([lead]);
    this.helper?.[Symbol.dispose]();
    rmSync(this.options.apiSocket, { force: true });
  }

  private async lead(published: Published): Promise<void> {
    const { port, outerPort } = published;
    if (published.lead !== undefined) endRelays([published.lead]);
    delete published.lead;
    const [lead] = await publishPorts(this.options.apiSocket, [{ ...port, containerPort: outerPort }]);
    if (lead === undefined) return;
    // It may have been withdrawn meanwhile.
    if (!this.isOver && this.published.has(published)) published.lead = lead;
    else endRelays([lead]);
    if (this.helper?.pid !== undefined) deepenBacklogs(this.options.syscalls, this.helper.pid);
  }

  /** Somebody may have taken a port meanwhile; that is said, and the others lead there. */
  private async leadAgain(): Promise<string[]> {
    const missing: string[] = [];
    for (const published of this.published) {
      try {
        await this.lead(published);
      } catch (error) {
        missing.push(error instanceof Error ? error.message : String(error));
      }
    }
    return missing;
  }

  private freePort(): number {
    const taken = new Set([...this.published].map(({ outerPort }) => outerPort));
    do this.nextPort = this.nextPort >= LAST_OUTER_PORT ? FIRST_OUTER_PORT : this.nextPort + 1;
    while (taken.has(this.nextPort));
    return this.nextPort;
  }

  private async bringBack(reason: string): Promise<void> {
    this.helper = undefined;
    const tried = await this.backoff.bringBack(
      reason,
      () => !this.isOver,
      async () => {
        await this.start();
        await this.options.onNewHelper();
        return this.leadAgain();
      },
    );
    if (tried.is === 'back') this.options.onChange('restarted', [reason, ...tried.with].join('; '));
    else if (tried.is === 'lost') this.options.onChange('lost', tried.reason);
  }
}
