/** Messages of rtnetlink(7) as bytes: the few that no program of the host can send for us. Pure. */

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const NLM_F = { REQUEST: 1, ACK: 4, EXCL: 0x200, CREATE: 0x400 } as const;
const NLMSG_ERROR = 2;
const HEADER_BYTES = 16;
const IFLA = { ADDRESS: 1, IFNAME: 3, MTU: 4, MASTER: 10, LINKINFO: 18, NET_NS_FD: 28 } as const;
const IFLA_INFO = { KIND: 1, DATA: 2 } as const;
const VETH_INFO_PEER = 1;
const IFF_UP = 1;
const ALIGN = 4;

/** One end of a pair of virtual Ethernet devices. */
export interface VethEnd {
  readonly device: string;
  /** `02:42:0a:59:00:02`; the kernel draws one where it is left out. */
  readonly mac?: string;
}

export interface VethPair {
  /** The end in the network namespace of the socket that the message is sent by. */
  readonly here: VethEnd & { readonly master: number };
  /** The other end, and a descriptor (of the sender) of the network namespace that it goes to. */
  readonly there: VethEnd & { readonly namespace: number };
  readonly mtu: number;
}

/**
 * RTM_NEWLINK for a pair of kind veth, the near end up: the far one cannot be before both are there. Source: rtnetlink(7), veth(4), include/uapi/linux/if_link.h.
 */
export function newVethPair({ here, there, mtu }: VethPair): Buffer {
  const peer = Buffer.concat([
    linkHeader(false),
    ...endAttributes(there, mtu),
    attribute(IFLA.NET_NS_FD, uint32(there.namespace)),
  ]);
  const info = Buffer.concat([
    attribute(IFLA_INFO.KIND, Buffer.from('veth')),
    attribute(IFLA_INFO.DATA, attribute(VETH_INFO_PEER, peer)),
  ]);
  const payload = [
    linkHeader(true),
    ...endAttributes(here, mtu),
    attribute(IFLA.MASTER, uint32(here.master)),
    attribute(IFLA.LINKINFO, info),
  ];
  return message(RTM_NEWLINK, NLM_F.REQUEST | NLM_F.ACK | NLM_F.CREATE | NLM_F.EXCL, payload);
}

/** RTM_DELLINK of a device by its name; the other end of a pair goes with it. */
export function deleteLink(device: string): Buffer {
  return message(RTM_DELLINK, NLM_F.REQUEST | NLM_F.ACK, [linkHeader(false), attribute(IFLA.IFNAME, cString(device))]);
}

/** The errno in the kernel's answer to one message: 0 for none. Source: netlink(7), NLMSG_ERROR. */
export function errnoOfAnswer(answer: Buffer): number {
  if (answer.length < HEADER_BYTES + 4 || answer.readUInt16LE(4) !== NLMSG_ERROR)
    throw new RangeError('not an acknowledgement of rtnetlink');
  return 0 - answer.readInt32LE(HEADER_BYTES);
}

function endAttributes({ device, mac }: VethEnd, mtu: number): Buffer[] {
  return [
    attribute(IFLA.IFNAME, cString(device)),
    attribute(IFLA.MTU, uint32(mtu)),
    ...(mac === undefined ? [] : [attribute(IFLA.ADDRESS, Buffer.from(mac.replaceAll(':', ''), 'hex'))]),
  ];
}

/** struct ifinfomsg. */
function linkHeader(isUp: boolean): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(isUp ? IFF_UP : 0, 8);
  header.writeUInt32LE(isUp ? IFF_UP : 0, 12);
  return header;
}

/** struct rtattr and its payload, filled up to four bytes. */
function attribute(type: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(ALIGN);
  header.writeUInt16LE(ALIGN + payload.length, 0);
  header.writeUInt16LE(type, 2);
  return Buffer.concat([header, payload, Buffer.alloc((ALIGN - (payload.length % ALIGN)) % ALIGN)]);
}

function message(type: number, flags: number, payload: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  const whole = Buffer.concat([header, ...payload]);
  whole.writeUInt32LE(whole.length, 0);
  whole.writeUInt16LE(type, 4);
  whole.writeUInt16LE(flags, 6);
  return whole;
}

function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

function cString(text: string): Buffer {
  return Buffer.concat([Buffer.from(text, 'latin1'), Buffer.alloc(1)]);
}
