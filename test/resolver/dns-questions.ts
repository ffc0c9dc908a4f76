/** Questions as bytes, and answers read back, for the tests of the resolver. */

export interface AskedFor {
  readonly type?: number;
  readonly id?: number;
  readonly qclass?: number;
  readonly udpBytes?: number;
}

export function encodeName(name: string): Buffer {
  const labels = name === '' ? [] : name.split('.');
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')])),
    Buffer.from([0]),
  ]);
}

export function askFor(name: string, { type = 1, id = 7, qclass = 1, udpBytes }: AskedFor = {}): Buffer {
  const header = Buffer.alloc(12);
  [id, 0x0100, 1, 0, 0, udpBytes === undefined ? 0 : 1].forEach((value, index) =>
    header.writeUInt16BE(value, index * 2),
  );
  const end = Buffer.alloc(4);
  end.writeUInt16BE(type, 0);
  end.writeUInt16BE(qclass, 2);
  const options = Buffer.alloc(udpBytes === undefined ? 0 : 11);
  if (udpBytes !== undefined) {
    options.writeUInt16BE(41, 1);
    options.writeUInt16BE(udpBytes, 3);
  }
  return Buffer.concat([header, encodeName(name), end, options]);
}

export interface ReadAnswer {
  readonly id: number;
  readonly rcode: number;
  readonly isCut: boolean;
  readonly addresses: readonly string[];
  readonly data: readonly Buffer[];
}

/** Reads an answer whose records all point at the name of its question. */
export function readAnswer(packet: Buffer): ReadAnswer {
  const flags = packet.readUInt16BE(2);
  const data: Buffer[] = [];
  let place = packet.readUInt16BE(4) === 0 ? 12 : endOfName(packet, 12) + 4;
  for (let left = packet.readUInt16BE(6); left > 0; left--) {
    const length = packet.readUInt16BE(place + 10);
    data.push(packet.subarray(place + 12, place + 12 + length));
    place += 12 + length;
  }
  return {
    id: packet.readUInt16BE(0),
    rcode: flags & 15,
    isCut: (flags & 0x0200) !== 0,
    addresses: data.map((bytes) => [...bytes].join('.')),
    data,
  };
}

function endOfName(packet: Buffer, start: number): number {
  let place = start;
  while (packet.readUInt8(place) !== 0) place += packet.readUInt8(place) + 1;
  return place + 1;
}
