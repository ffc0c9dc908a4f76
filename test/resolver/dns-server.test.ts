/** The name server on real sockets of loopback: each 127.0.0.x is a container or a network. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import type { ResolverTable } from '../../src/protocol/hub.ts';
import { DnsServer, type DnsServerOptions } from '../../src/resolver/dns-server.ts';
import { frameMessage, hearMessages } from '../../src/resolver/dns-stream.ts';
import { askFor, readAnswer, type AskedFor, type ReadAnswer } from './dns-questions.ts';

const [GATEWAY, CONTAINER, NEIGHBOUR] = ['127.0.0.31', '127.0.0.32', '127.0.0.33'];
/** Nobody listens there. */
const NOBODY = '127.0.0.39';

function table(change: Partial<ResolverTable> = {}): ResolverTable {
  return {
    event: 'hub_tells',
    listen: [{ address: GATEWAY, network: 'n', forwards: true }],
    names: [{ network: 'n', name: 'web', addresses: [CONTAINER, NEIGHBOUR] }],
    clients: [{ address: CONTAINER, networks: ['n'], nameServers: [] }],
    ...change,
  };
}

async function serve(context: TestContext, told: ResolverTable, options: DnsServerOptions = {}) {
  const server = new DnsServer({ port: 0, timeoutMs: 500, ...options });
  context.after(() => server.close());
  await server.update(told);
  return { server, port: server.addresses[0]?.port ?? 0 };
}

interface Asked extends AskedFor {
  readonly port: number;
  readonly from?: string;
}

async function askUdp(name: string, { port, from = CONTAINER, ...askedFor }: Asked): Promise<ReadAnswer> {
  const socket = createSocket('udp4');
  socket.bind({ address: from });
  await once(socket, 'listening');
  socket.send(askFor(name, askedFor), port, GATEWAY);
  const [answer] = (await once(socket, 'message', { signal: AbortSignal.timeout(10_000) })) as [Buffer];
  socket.close();
  return readAnswer(answer);
}

/** Sends byte by byte, two questions on one connection. */
async function askTcpTwice(name: string, { port, from = CONTAINER }: Asked): Promise<ReadAnswer[]> {
  const socket = connect({ port, host: GATEWAY, localAddress: from, noDelay: true });
  const answers: ReadAnswer[] = [];
  const both = new Promise<void>((resolve) => {
    hearMessages(socket, (message) => {
      if (answers.push(readAnswer(message)) === 2) resolve();
    });
  });
  for (const byte of Buffer.concat([1, 2].map((id) => frameMessage(askFor(name, { id })))))
    socket.write(Buffer.from([byte]));
  await both;
  socket.destroy();
  return answers;
}

/** A name server of the host's: says 192.0.2.N over UDP, N being how many have asked, and 192.0.2.100 over TCP; notes the numbers it hears. */
async function upstream(context: TestContext, address: string, { rcode = 0 } = {}) {
  const heard: number[] = [];
  const answer = (packet: Buffer, last: number): Buffer => {
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, last]);
    const copy = Buffer.concat([packet, record]);
    copy.writeUInt16BE(0x8180 | rcode, 2);
    copy.writeUInt16BE(1, 6);
    return copy;
  };
  const udp = createSocket('udp4', (packet, { port, address: to }) => {
    const evil = answer(packet, 66);
    evil.writeUInt16BE(packet.readUInt16BE(0) ^ 1, 0);
    udp.send(evil, port, to);
    udp.send(answer(packet, heard.push(packet.readUInt16BE(0))), port, to);
  });
  udp.bind({ address });
  await once(udp, 'listening');
  const { port } = udp.address();
  const tcp = createServer((socket) => hearMessages(socket, (packet) => socket.end(frameMessage(answer(packet, 100)))));
  tcp.listen(port, address);
  await once(tcp, 'listening');
  context.after(() => {
    udp.close();
    tcp.close();
  });
  return { port, heard };
}

test('answers names over UDP, in turn, to who is on the network', async (context) => {
  const { port } = await serve(context, table());
  const first = await askUdp('WEB', { port, id: 99 });
  assert.deepEqual([first.id, first.rcode, first.addresses], [99, 0, [CONTAINER, NEIGHBOUR]]);
  assert.deepEqual((await askUdp('web', { port })).addresses, [NEIGHBOUR, CONTAINER]);
  assert.equal((await askUdp('web', { port, from: NEIGHBOUR })).rcode, 5);
});

test('answers over TCP, however the bytes come', async (context) => {
  const { port } = await serve(context, table());
  const answers = await askTcpTwice('web', { port });
  assert.deepEqual(
    answers.map(({ id }) => id),
    [1, 2],
  );
  for (const { addresses } of answers) assert.equal(addresses.length, 2);
});

test('too many addresses for a datagram come over TCP', async (context) => {
  const addresses = Array.from({ length: 100 }, (_, index) => `127.0.1.${String(index)}`);
  const { port } = await serve(context, table({ names: [{ network: 'n', name: 'many', addresses }] }));
  assert.deepEqual(
    [(await askUdp('many', { port })).isCut, (await askTcpTwice('many', { port }))[0]?.addresses.length],
    [true, 100],
  );
});

test('asks the host’s name server under another number, and is not fooled by a wrong one', async (context) => {
  const host = await upstream(context, '127.0.0.34');
  const { port } = await serve(context, table(), { hostNameServer: '127.0.0.34', upstreamPort: host.port });
  const answers = [];
  for (const id of [5, 6, 7]) answers.push(await askUdp('example.org', { port, id }));
  assert.deepEqual(
    answers.map(({ id, addresses }) => [id, addresses[0]]),
    [
      [5, '192.0.2.1'],
      [6, '192.0.2.2'],
      [7, '192.0.2.3'],
    ],
  );
  assert.notDeepEqual(host.heard, [5, 6, 7]);
  assert.equal((await askTcpTwice('example.org', { port }))[0]?.addresses[0], '192.0.2.100');
});

test('the next name server is asked when one is silent or fails; none: SERVFAIL', async (context) => {
  const good = await upstream(context, '127.0.0.35');
  const bad = createSocket('udp4', (packet, { port, address }) => {
    packet.writeUInt16BE(0x8182, 2);
    bad.send(packet, port, address);
  });
  const silent = createSocket('udp4');
  bad.bind({ address: '127.0.0.36', port: good.port });
  silent.bind({ address: '127.0.0.37', port: good.port });
  await Promise.all([once(bad, 'listening'), once(silent, 'listening')]);
  context.after(() => {
    bad.close();
    silent.close();
  });
  const client = (nameServers: string[]) => table({ clients: [{ address: CONTAINER, networks: ['n'], nameServers }] });
  const { server, port } = await serve(context, client(['127.0.0.37', '127.0.0.36', '127.0.0.35']), {
    upstreamPort: good.port,
  });
  assert.equal((await askUdp('example.org', { port })).addresses[0], '192.0.2.1');
  await server.update(client(['127.0.0.36', NOBODY]));
  assert.equal((await askUdp('example.org', { port })).rcode, 2);
});

test('where nothing is forwarded, unknown names do not exist', async (context) => {
  const host = await upstream(context, '127.0.0.34');
  const options = { hostNameServer: '127.0.0.34', upstreamPort: host.port };
  const { port } = await serve(
    context,
    table({ listen: [{ address: GATEWAY, network: 'n', forwards: false }] }),
    options,
  );
  assert.deepEqual([(await askUdp('example.org', { port })).rcode, host.heard.length], [3, 0]);
});

test('more questions at a time than one container may have fail at once', async (context) => {
  const silent = createSocket('udp4');
  silent.bind({ address: '127.0.0.38' });
  await once(silent, 'listening');
  context.after(() => silent.close());
  const options = {
    hostNameServer: '127.0.0.38',
    upstreamPort: silent.address().port,
    timeoutMs: 3000,
    limits: { all: 9, each: 2 },
  };
  const { port } = await serve(context, table(), options);
  const socket = createSocket('udp4');
  socket.bind({ address: CONTAINER });
  await once(socket, 'listening');
  context.after(() => socket.close());
  for (const id of [1, 2, 3]) socket.send(askFor('example.org', { id }), port, GATEWAY);
  const [answer] = (await once(socket, 'message', { signal: AbortSignal.timeout(10_000) })) as [Buffer];
  assert.equal(readAnswer(answer).rcode, 2);
  assert.equal((await askUdp('web', { port })).rcode, 0, 'names of the network are answered all the same');
});

test('listens where the table says, and no longer where it does not', async (context) => {
  const { server, port } = await serve(context, table());
  await server.update(table({ listen: [{ address: '127.0.0.40', network: 'n', forwards: true }] }));
  assert.deepEqual(
    server.addresses.map(({ address }) => address),
    ['127.0.0.40'],
  );
  const gone = connect({ port, host: GATEWAY });
  const [error] = (await once(gone, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNREFUSED');
});

test('an address that is not there is an error, and the others are served', async (context) => {
  const server = new DnsServer({ port: 0 });
  context.after(() => server.close());
  const listen = ['192.0.2.1', GATEWAY].map((address) => ({ address, network: 'n', forwards: true }));
  await assert.rejects(server.update(table({ listen })), { code: 'EADDRNOTAVAIL' });
  const port = server.addresses[0]?.port ?? 0;
  assert.equal((await askUdp('web', { port })).rcode, 0);
});

test('one container cannot take all connections', async (context) => {
  const clients = [CONTAINER, NEIGHBOUR].map((address) => ({ address, networks: ['n'], nameServers: [] }));
  const { port } = await serve(context, table({ clients }));
  const greedy = Array.from({ length: 200 }, () => connect({ port, host: GATEWAY, localAddress: CONTAINER }));
  context.after(() => greedy.forEach((socket) => socket.destroy()));
  const isClosed = await Promise.all(
    greedy.map(async (socket) => {
      const closed = endOf(socket);
      socket.write(frameMessage(askFor('web')));
      return Promise.race([closed.then(() => true), new Promise((hear) => socket.once('data', () => hear(false)))]);
    }),
  );
  assert.equal(isClosed.filter((closed) => !closed).length, 16);
  assert.equal((await askTcpTwice('web', { port, from: NEIGHBOUR })).length, 2, 'the neighbour is heard');
});

/** Resolves when a connection is over, with whether an error has ended it. */
function endOf(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    socket.on('error', () => undefined).once('close', (isError) => resolve(isError));
  });
}

/** Asks for `many` so often, reads nothing until then, and resolves to whether it was cut off. */
async function askWithoutReading(port: number, questions: number): Promise<boolean> {
  const socket = connect({ port, host: GATEWAY, localAddress: CONTAINER });
  const closed = endOf(socket);
  socket.pause();
  const block = Buffer.concat(Array.from({ length: 100 }, () => frameMessage(askFor('many'))));
  for (let asked = 0; asked < questions && socket.writable; asked += 100) {
    if (!socket.write(block)) await Promise.race([new Promise((go) => socket.once('drain', go)), closed]);
  }
  if (socket.writable) {
    socket.resume();
    socket.end();
  }
  return closed;
}

test('who asks without reading the answers is cut off, and nobody else', async (context) => {
  const addresses = Array.from({ length: 250 }, (_, index) => `127.0.1.${String(index)}`);
  const { port } = await serve(context, table({ names: [{ network: 'n', name: 'many', addresses }] }));
  assert.equal(await askWithoutReading(port, 20_000), true);
  assert.equal(await askWithoutReading(port, 100), false, 'control: some unread answers are allowed');
  assert.equal((await askTcpTwice('many', { port })).length, 2);
});
