/** The user networks of one container while it runs, by a connection to the hub; in the monitor, on the host's side. */
import { HutchError } from '../errors/hutch-error.ts';
import { identifyProcess } from '../host/process-identity.ts';
import type { Endpoint } from '../oci/endpoint.ts';
import type { Plan } from '../plan/step.ts';
import type { HubWish } from '../protocol/hub.ts';
import type { ContainerRecord } from '../state/container-record.ts';
import type { NetworkAttachment } from '../state/network-record.ts';
import { listNetworks, readNetwork } from '../state/networks.ts';
import type { Store } from '../state/store.ts';
import { endConnections, sidesOf } from './end-connections.ts';
import { limitNetworkAgain } from './limit-network.ts';
import { NetworkBackoff } from './network-backoff.ts';
import { HubConnection } from './network-hub.ts';
import type { NetworkChange } from './network-keeper.ts';
import { recordNow } from './note-life.ts';

const HELPER = 'the network hub';

export interface NetworksOptions {
  readonly store: Store;
  readonly record: ContainerRecord;
  readonly plan: Plan;
  /** With the limits that it has by now. */
  readonly planNow: () => Plan;
  readonly onEndpoints: (endpoints: readonly Endpoint[]) => void;
  readonly onChange: (change: NetworkChange) => void;
}

export class ContainerNetworks implements Disposable {
  private readonly options: NetworksOptions;
  private readonly backoff = new NetworkBackoff();
  private connection: HubConnection | undefined;
  private endpoints: readonly Endpoint[] = [];
  private pid = 0;
  private isOver = false;

  constructor(options: NetworksOptions) {
    this.options = options;
  }

  /** Connects the namespaces of host process `pid` with what the container's record says. NETWORK_UNKNOWN; as Hub.attach(). */
  async attach(pid: number): Promise<void> {
    this.pid = pid;
    const { store, record } = this.options;
    const { networks = [] } = recordNow(store, record);
    await this.request(networks.map((attachment, index) => this.wish(attachment, `eth${String(index)}`)));
  }

  /** Connects a container that runs with one network more. */
  async connect(attachment: NetworkAttachment): Promise<void> {
    const taken = new Set(this.endpoints.map(({ device }) => device));
    let number = 0;
    while (taken.has(`eth${String(number)}`)) number += 1;
    const wish = this.wish(attachment, `eth${String(number)}`);
    this.has(await this.reach().ask({ event: 'monitor_connects', wish }));
  }

  async disconnect(network: string): Promise<void> {
    this.has(await this.reach().ask({ event: 'monitor_disconnects', network }));
  }

  async renamed(name: string): Promise<void> {
    if (this.connection !== undefined) this.has(await this.connection.ask({ event: 'monitor_renames', name }));
  }

  [Symbol.dispose](): void {
    this.isOver = true;
    this.backoff.end();
    this.connection?.[Symbol.dispose]();
  }

  private wish({ network, aliases, ip, ip6, mac }: NetworkAttachment, device: string): HubWish {
    const found = readNetwork(this.options.store, network);
    if (found === undefined)
      throw new HutchError(`there is no network "${network}", which the container is to be on`, {
        code: 'NETWORK_UNKNOWN',
        hint: `make it again (hutch network create ${network}), or \`hutch network disconnect\` the container from it`,
        context: { network },
      });
    const { id, name, subnet, gateway, ipRange, ipv6, internal } = found;
    return {
      network: {
        ...{ id, name, subnet, gateway, internal },
        ...(ipRange === undefined ? {} : { ipRange }),
        ...(ipv6 === undefined ? {} : { ipv6 }),
      },
      ...{ aliases, device },
      ...(ip === undefined ? {} : { ip }),
      ...(ip6 === undefined ? {} : { ip6 }),
      ...(mac === undefined ? {} : { mac }),
    };
  }

  private reach(): HubConnection {
    if (this.connection !== undefined) return this.connection;
    throw new HutchError('the container has no connection to the network hub', {
      code: 'NETWORK_FAILED',
      hint: 'it is being made again, or the container was made without networks of its own: try once more, or make it anew with --net NAME',
    });
  }

  private async request(wishes: readonly HubWish[]): Promise<void> {
    const { store, record, plan } = this.options;
    const { name, ports = [], nameServers = [] } = recordNow(store, record);
    const { connection, endpoints } = await HubConnection.attach(
      store.run,
      {
        event: 'monitor_attaches',
        ...{ container: record.id, name, hostname: hostnameOf(plan, name), pid: this.pid, wishes, ports, nameServers },
        subnets: listNetworks(store).networks.flatMap(({ subnet, ipv6 }) =>
          ipv6 === undefined ? [subnet] : [subnet, ipv6.subnet],
        ),
      },
      ({ what, detail }) => {
        this.hearNote(what, detail);
      },
    );
    this.connection = connection;
    if (this.isOver) connection[Symbol.dispose]();
    this.has(endpoints);
    void connection.ended.then(() => this.hubEnded(connection));
  }

  private has(endpoints: readonly Endpoint[]): void {
    this.endpoints = endpoints;
    this.options.onEndpoints(endpoints);
  }

  /** The way out of all networks; containers reach each other all the time. */
  private hearNote(what: 'restarted' | 'lost', reason: string): void {
    const helper = 'slirp4netns';
    this.options.onChange({ to: 'down', helper, reason });
    if (what === 'restarted') this.options.onChange({ to: 'up', helper, pid: undefined, attempts: 1 });
    else this.options.onChange({ to: 'lost', helper, reason });
  }

  /** Its devices went with it. What the container had it asks for again, so that nobody finds it at another address. */
  private async hubEnded(connection: HubConnection): Promise<void> {
    if (this.connection !== connection || !this.isNeeded()) return;
    this.connection = undefined;
    const { onChange } = this.options;
    const reason = 'it has ended';
    onChange({ to: 'down', helper: HELPER, reason });
    const tried = await this.backoff.bringBack(
      reason,
      () => this.isNeeded(),
      async () => {
        await endConnections(this.pid, sidesOf(this.endpoints));
        await this.request(this.endpoints.map((endpoint) => this.wishAgain(endpoint)));
        await this.limitAgain();
      },
    );
    if (tried.is === 'back') onChange({ to: 'up', helper: HELPER, pid: undefined, attempts: tried.attempts });
    else if (tried.is === 'lost') onChange({ to: 'lost', helper: HELPER, reason: tried.reason });
  }

  private async limitAgain(): Promise<void> {
    const rates = this.options.planNow().steps.filter((step) => step.kind === 'limit_network');
    for (const rate of rates) await limitNetworkAgain(rate, this.pid);
  }

  /** Its names but for the aliases that were asked for are not the same once it is renamed. */
  private wishAgain({ network, address, ipv6, mac, device }: Endpoint): HubWish {
    const { store, record } = this.options;
    const asked = recordNow(store, record).networks?.find((one) => one.network === network);
    const known = { network, aliases: asked?.aliases ?? [], ip: address, mac };
    return this.wish(ipv6 === undefined ? known : { ...known, ip6: ipv6.address }, device);
  }

  private isNeeded(): boolean {
    return !this.isOver && identifyProcess(this.pid) !== undefined;
  }
}

function hostnameOf({ steps }: Plan, name: string): string {
  const step = steps.find((candidate) => candidate.kind === 'set_hostname');
  return step?.kind === 'set_hostname' ? step.hostname : name;
}
