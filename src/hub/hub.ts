/** All networks of a user that containers are on now, and who is on them; in the hub, on the host's side. */
import { closeSync, openSync } from 'node:fs';
import { hostSubnets } from '../host/host-subnets.ts';
import { requireIPv6 } from '../host/ipv6.ts';
import { parseSubnet } from '../linux/ipv4.ts';
import { parseSubnet6 } from '../linux/ipv6.ts';
import type { Endpoint } from '../oci/endpoint.ts';
import type { PublishedPort } from '../oci/published-port.ts';
import { SUBNET_POOL, type HubNetwork, type HubRequest, type HubWish, type ResolverTable } from '../protocol/hub.ts';
import { endConnections, sidesOf } from '../monitor/end-connections.ts';
import { chooseAddress, macOf, subnetOf } from './choose-address.ts';
import { chooseAddress6 } from './choose-address6.ts';
import { configureDevice, leadOut } from './container-device.ts';
import { failed, type NetworkSpace } from './network-space.ts';
import {
  bridgeRule,
  forwardRule,
  PORT_PREFIX,
  portRule,
  privateRule,
  privateRule6,
  type ForwardRule,
} from './rules.ts';
import type { WayOut } from './way-out.ts';

/** What makes the way through virtual devices and user space fast. */
const MTU = 65_520;
const BRIDGE_PREFIX = 'net';
/** Numbers of bridges, above those that the kernel gives by itself. */
const FIRST_INDEX = 1_000_000;
const SHORT_ID_DIGITS = 12;
/** What each bridge has on its link by IPv6: it asks for its neighbours from there when it passes on what comes from elsewhere. Source: RFC 4861 §7.2.2. */
const LINK_LOCAL = 'fe80::1/64';

type Attach = Extract<HubRequest, { event: 'monitor_attaches' }>;

interface Bridge {
  readonly network: HubNetwork;
  readonly device: string;
  readonly index: number;
}

/** A container's device on a bridge, and what it was asked for. */
interface Port {
  readonly endpoint: Endpoint;
  /** The end on the bridge. */
  readonly device: string;
  /** The aliases that the user gave it. */
  readonly asked: readonly string[];
}

/** A container, as long as its monitor holds a connection. */
export interface Member {
  readonly container: string;
  name: string;
  readonly hostname: string;
  readonly pid: number;
  readonly nameServers: readonly string[];
  readonly published: readonly PublishedPort[];
  readonly ports: Map<string, Port>;
  forwards: ForwardRule[];
}

export class Hub {
  private readonly space: NetworkSpace;
  private readonly wayOut: WayOut;
  private readonly bridges = new Map<string, Bridge>();
  private readonly members = new Set<Member>();
  /** Of the user's networks, as far as anybody has told. */
  private readonly subnets = new Set([SUBNET_POOL]);
  private privateRule = '';
  private counter = 0;

  constructor(space: NetworkSpace, wayOut: WayOut) {
    this.space = space;
    this.wayOut = wayOut;
  }

  /** Connects a container with all its networks and ports, or with none. ADDRESS_UNAVAILABLE, PORT_UNAVAILABLE, NETWORK_FAILED. */
  async attach({ container, name, hostname, pid, wishes, ports, nameServers, subnets }: Attach): Promise<Member> {
    await this.keepPrivate(subnets);
    const member: Member = {
      ...{ container, name, hostname, pid, nameServers, published: ports },
      ...{ ports: new Map<string, Port>(), forwards: [] },
    };
    this.members.add(member);
    try {
      for (const wish of wishes) await this.plug(member, wish);
      await this.forward(member);
    } catch (error) {
      await this.detach(member);
      throw error;
    }
    await this.tellResolver();
    return member;
  }

  /** Forgets a container: whether its namespaces are still there or not. */
  async detach(member: Member): Promise<void> {
    this.members.delete(member);
    await this.stopForwards(member);
    for (const network of [...member.ports.keys()]) await this.unplug(member, network);
    await this.tellResolver();
  }

  async connect(member: Member, wish: HubWish): Promise<void> {
    if (member.ports.has(wish.network.name))
      throw failed(`"${member.name}" is on network "${wish.network.name}" already`);
    const { subnet, ipv6 } = wish.network;
    await this.keepPrivate([subnet, ...(ipv6 === undefined ? [] : [ipv6.subnet])]);
    await this.plug(member, wish);
    if (member.forwards.length === 0) await this.forward(member);
    await this.tellResolver();
  }

  /** Where the way out was there, it is on the next network that has one. */
  async disconnect(member: Member, network: string): Promise<void> {
    const leads = this.outward(member)?.network === network;
    const leads6 = this.outward6(member)?.network === network;
    if (leads) await this.stopForwards(member);
    await this.unplug(member, network);
    if (leads || leads6) await this.leadOutAgain(member);
    await this.tellResolver();
  }

  async rename(member: Member, name: string): Promise<void> {
    member.name = name;
    for (const [network, { endpoint, device, asked }] of member.ports)
      member.ports.set(network, { device, asked, endpoint: { ...endpoint, aliases: namesOf(member, asked) } });
    await this.tellResolver();
  }

  /** The host's routes may be others each time. */
  private async keepPrivate(more: readonly string[]): Promise<void> {
    for (const subnet of more) this.subnets.add(subnet);
    const known = [...this.subnets].map(parseSubnet).filter((subnet) => subnet !== undefined);
    const six = [...this.subnets].filter((subnet) => parseSubnet6(subnet) !== undefined);
    const rule = privateRule(known, hostSubnets()) + privateRule6(six);
    if (rule === this.privateRule) return;
    await this.space.filter(rule);
    this.privateRule = rule;
  }

  /** As endConnections(), for all containers: the way out has another helper. */
  async endOutward(): Promise<void> {
    await Promise.all(
      [...this.members].map(({ pid, ports }) =>
        endConnections(pid, sidesOf([...ports.values()].map(({ endpoint }) => endpoint))),
      ),
    );
  }

  private async plug(member: Member, wish: HubWish): Promise<void> {
    const { network } = wish;
    const bridge = this.bridges.get(network.id) ?? (await this.addBridge(network));
    try {
      const endpoint = this.endpointFor(member, wish);
      const device = `${PORT_PREFIX}${String((this.counter += 1))}`;
      await this.space.filter(portRule('add', { ...endpoint, device }));
      const port = { endpoint, device, asked: wish.aliases };
      member.ports.set(network.name, port);
      this.addPair(member, bridge, port);
      await configureDevice(member.pid, endpoint, {
        v4: this.outward(member)?.networkId === network.id,
        v6: this.outward6(member)?.networkId === network.id,
      });
    } catch (error) {
      await this.unplug(member, network.name);
      if (!this.isInUse(network)) await this.removeBridge(bridge);
      throw error;
    }
  }

  private endpointFor(member: Member, wish: HubWish): Endpoint {
    const { network, aliases, ip, ip6, mac, device } = wish;
    const taken = new Set(this.portsOn(network.id).flatMap(({ endpoint }) => addressesOf(endpoint)));
    const address = chooseAddress(network, ip, (candidate) => taken.has(candidate));
    const ipv6 = chooseAddress6(network, ip6, (candidate) => taken.has(candidate));
    return {
      network: network.name,
      networkId: network.id,
      device,
      address,
      prefixLength: subnetOf(network.subnet).prefixLength,
      gateway: network.gateway,
      ...(ipv6 === undefined ? {} : { ipv6 }),
      ...(network.internal ? { isInternal: true } : {}),
      mac: mac ?? macOf(address),
      aliases: namesOf(member, aliases),
    };
  }

  private addPair({ pid }: Member, bridge: Bridge, { endpoint, device }: Port): void {
    const namespace = openSync(`/proc/${String(pid)}/ns/net`, 'r');
    try {
      this.space.addPair({
        here: { device, master: bridge.index },
        there: { device: endpoint.device, mac: endpoint.mac, namespace },
        mtu: MTU,
      });
    } finally {
      closeSync(namespace);
    }
  }

  /** Takes a container from a network; with its last container the bridge goes. */
  private async unplug(member: Member, name: string): Promise<void> {
    const port = member.ports.get(name);
    if (port === undefined) return;
    member.ports.delete(name);
    this.space.removeDevice(port.device);
    await this.space.filter(portRule('delete', { ...port.endpoint, device: port.device }));
    const bridge = this.bridges.get(port.endpoint.networkId);
    if (bridge !== undefined && !this.isInUse(bridge.network)) await this.removeBridge(bridge);
  }

  private async addBridge(network: HubNetwork): Promise<Bridge> {
    if (network.ipv6 !== undefined) await this.prepareIPv6(network);
    const index = FIRST_INDEX + (this.counter += 1);
    const bridge = { network, device: `${BRIDGE_PREFIX}${String(this.counter)}`, index };
    const { prefixLength } = subnetOf(network.subnet);
    await this.space.filter(bridgeRule('add', { ...network, device: bridge.device }));
    await this.space.ip([
      // By itself it has the lowest address of its ports, another one when they change: for containers the gateway would be gone until they ask anew.
      `link add name ${bridge.device} address ${macOf(network.gateway)} mtu ${String(MTU)} index ${String(index)} type bridge`,
      `addr add ${network.gateway}/${String(prefixLength)} dev ${bridge.device}`,
      `link set ${bridge.device} up`,
      ...bridgeLines6(bridge),
    ]);
    this.bridges.set(network.id, bridge);
    return bridge;
  }

  private async prepareIPv6({ name, internal }: HubNetwork): Promise<void> {
    requireIPv6(`network "${name}"`);
    if (!internal) await this.wayOut.wantIPv6();
  }

  private async removeBridge({ network, device }: Bridge): Promise<void> {
    if (!this.bridges.delete(network.id)) return;
    await this.space.ip([`link del ${device}`]);
    await this.space.filter(bridgeRule('delete', { ...network, device }));
  }

  /** Its ports lead to its first network that reaches the outside. */
  private async forward(member: Member): Promise<void> {
    const target = this.outward(member);
    if (target === undefined) return;
    for (const port of member.published) {
      const outerPort = await this.wayOut.publish(port);
      const { address } = target;
      const rule = { protocol: port.protocol, outerPort, address, port: port.containerPort };
      member.forwards.push(rule);
      await this.space.filter(forwardRule('add', rule));
    }
  }

  private async stopForwards(member: Member): Promise<void> {
    const forwards = member.forwards;
    member.forwards = [];
    for (const rule of forwards) {
      await this.wayOut.withdraw(rule.outerPort);
      await this.space.filter(forwardRule('delete', rule));
    }
  }

  /** The way out went with the network that had it: the next one has it now, if there is one. */
  private async leadOutAgain(member: Member): Promise<void> {
    const [next, next6] = [this.outward(member), this.outward6(member)];
    if (next !== undefined) await leadOut(member.pid, next, { v4: true, v6: false });
    if (next6 !== undefined) await leadOut(member.pid, next6, { v4: false, v6: true });
    if (member.forwards.length === 0) await this.forward(member);
  }

  /** What a container has on its first network that reaches the outside. */
  private outward({ ports }: Member): Endpoint | undefined {
    return [...ports.values()].find(({ endpoint }) => !this.isInternal(endpoint.networkId))?.endpoint;
  }

  /** The same by IPv6, which the first network need not have. */
  private outward6({ ports }: Member): Endpoint | undefined {
    return [...ports.values()].find(
      ({ endpoint }) => endpoint.ipv6 !== undefined && !this.isInternal(endpoint.networkId),
    )?.endpoint;
  }

  private isInternal(networkId: string): boolean {
    return this.bridges.get(networkId)?.network.internal ?? false;
  }

  private isInUse({ id }: HubNetwork): boolean {
    return this.portsOn(id).length > 0;
  }

  private portsOn(networkId: string): Port[] {
    return [...this.members].flatMap(({ ports }) =>
      [...ports.values()].filter(({ endpoint }) => endpoint.networkId === networkId),
    );
  }

  private tellResolver(): Promise<void> {
    return this.space.tell(this.table());
  }

  private table(): ResolverTable {
    const ports = [...this.members].flatMap((member) =>
      [...member.ports.values()].map(({ endpoint }) => ({ member, endpoint })),
    );
    const names = new Map<string, { network: string; name: string; addresses: string[] }>();
    for (const { endpoint } of ports) {
      for (const name of endpoint.aliases) {
        const key = `${endpoint.networkId} ${name}`;
        const entry = names.get(key) ?? { network: endpoint.networkId, name, addresses: [] };
        names.set(key, entry);
        for (const address of addressesOf(endpoint))
          if (!entry.addresses.includes(address)) entry.addresses.push(address);
      }
    }
    return {
      event: 'hub_tells',
      listen: [...this.bridges.values()].flatMap(({ network: { gateway, ipv6, id, internal } }) =>
        [gateway, ...(ipv6 === undefined ? [] : [ipv6.gateway])].map((address) => ({
          address,
          network: id,
          forwards: !internal,
        })),
      ),
      names: [...names.values()],
      clients: ports.flatMap(({ member, endpoint }) =>
        addressesOf(endpoint).map((address) => ({
          address,
          networks: [...member.ports.values()].map((port) => port.endpoint.networkId),
          nameServers: member.nameServers,
        })),
      ),
    };
  }
}

/** Lines for ip(8). Before the device is up the kernel takes no route of IPv6. */
function bridgeLines6({ network: { ipv6 }, device }: Bridge): string[] {
  if (ipv6 === undefined) return [];
  const length = parseSubnet6(ipv6.subnet)?.prefixLength ?? 64;
  return [`${ipv6.gateway}/${String(length)}`, LINK_LOCAL].map((address) => `addr add ${address} dev ${device} nodad`);
}

function addressesOf({ address, ipv6 }: Endpoint): string[] {
  return [address, ...(ipv6 === undefined ? [] : [ipv6.address])];
}

/** What others on a network may call a container. */
function namesOf({ container, name, hostname }: Member, aliases: readonly string[]): string[] {
  const names = [...aliases, name, container.slice(0, SHORT_ID_DIGITS), hostname];
  return [...new Set(names.map((word) => word.toLowerCase()))];
}
