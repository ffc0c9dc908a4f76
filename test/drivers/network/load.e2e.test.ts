/** Many ports, many connections and many bytes through published ports, with each driver that has them. */

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { networkDriver } from '../../../src/drivers/network/select.ts';
import { tryPort } from '../../../src/host/host-port.ts';
import { findTool } from '../../../src/host/run-tool.ts';
import { assertRefused, hostSkip, makeSandbox, printed, type Sandbox } from '../../e2e/sandbox.ts';

const SERVER = readFileSync(path.join(import.meta.dirname, 'port-server.py'), 'utf8');
const DRIVERS = ['slirp4netns', 'pasta'] as const;
const [FIRST, LAST] = [8000, 8099];
const COUNT = LAST - FIRST + 1;
const CONNECTIONS = 10_000;
const AT_ONCE = 50;
/** What a lost connection costs the test, and nothing else: one that holds is answered in milliseconds. */
const PATIENCE_MS = 15_000;

/** An address of the host that is not its loopback. */
const OUTER = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === 'IPv4' && !address.internal)?.address;

/** Connects, sends `bytes` and an end, and reads to the end; without bytes the end is the server's to make. */
async function exchange(port: number, bytes?: Buffer): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('no answer')));
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => parts.push(part));
  if (bytes !== undefined) socket.end(bytes);
  await once(socket, 'close');
  return Buffer.concat(parts);
}

/** Makes connections, so many at a time, and counts by what they were told; one that fails counts as its error. */
async function answersOf(port: number, total: number, atOnce: number): Promise<Record<string, number>> {
  const answers: Record<string, number> = {};
  let left = total;
  const work = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const answer = await exchange(port).then(String, String);
      answers[answer] = (answers[answer] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return answers;
}

/** The first of `COUNT` ports in a row that are free on the host. */
async function freeRow(): Promise<number> {
  for (let first = 20_000 + (process.pid % 1000); first < 30_000; first += COUNT) {
    const row = Array.from({ length: COUNT }, (_, index) => first + index);
    const results = await Promise.all(
      row.map((hostPort) => tryPort({ protocol: 'tcp', hostAddress: '127.0.0.1', hostPort })),
    );
    if (results.every((result) => typeof result === 'number')) return first;
  }
  return assert.fail('no hundred free ports in a row');
}

/** Starts the server in a container of that name. */
async function serve(box: Sandbox, name: string, ...flags: readonly string[]): Promise<void> {
  const command = ['python3', '-c', SERVER, String(FIRST), String(LAST)];
  const { code, stderr } = await box.hutch(['run', '-d', '--name', name, ...flags, 'host', ...command]);
  assert.equal(code, 0, stderr);
  for (let turn = 0; turn < 200; turn += 1) if ((await box.hutch(['logs', name])).stdout.includes('ready')) return;
  assert.fail(`${name} does not get ready`);
}

for (const driver of DRIVERS) {
  const outer = { protocol: 'udp', hostAddress: OUTER ?? '' } as const;
  const refusal = await networkDriver(driver).refusal(outer);
  const noDatagrams = OUTER === undefined && 'this host has loopback only';
  const skip = hostSkip() || (findTool(driver) === undefined && `${driver} is not installed`);
  describe(`ports of ${driver}`, { skip }, () => {
    // Before the sandbox looks for what was left behind.
    after(() => box.hutch(['rm', '-f', 'many', 'datagrams']));
    const box = makeSandbox();
    let row = 0;

    it('lead to a hundred ports in a row, each to its own', async () => {
      row = await freeRow();
      const range = `${String(row)}-${String(row + COUNT - 1)}:${String(FIRST)}-${String(LAST)}`;
      await serve(box, 'many', '--net', driver, '-p', range);
      const answers = await Promise.all(
        Array.from({ length: COUNT }, (_, index) => exchange(row + index, Buffer.alloc(0))),
      );
      const told = answers.map((answer) => answer.toString().split(' ')[0]);
      assert.deepEqual(
        told,
        Array.from({ length: COUNT }, (_, index) => String(FIRST + index)),
      );
      assert.equal(
        printed(await box.hutch(['port', 'many']))
          .trim()
          .split('\n').length,
        COUNT,
      );
    });

    it('lose none of 10,000 short connections, fifty at a time', async () => {
      const answers = await answersOf(row + COUNT - 1, CONNECTIONS, AT_ONCE);
      assert.deepEqual(Object.values(answers), [CONNECTIONS], JSON.stringify(answers));
      assert.match(Object.keys(answers)[0] ?? '', new RegExp(`^${String(LAST)} [\\d.]+\n$`, 'u'));
    });

    it('carry eight streams of two megabytes there and back at once, unchanged', async () => {
      const streams = Array.from({ length: 8 }, () => randomBytes(2_000_000));
      const echoes = await Promise.all(streams.map((bytes, index) => exchange(row + index, bytes)));
      const sum = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
      assert.deepEqual(
        echoes.map((bytes) => sum(bytes.subarray(bytes.indexOf('\n') + 1))),
        streams.map(sum),
      );
    });

    if (refusal === undefined) itCarriesDatagrams();
    else
      it('carry no datagrams where this version of it would lose them, and say so', async () => {
        const publish = ['-p', `0.0.0.0::${String(FIRST)}/udp`];
        assertRefused(
          await box.hutch(['run', '--rm', '--net', driver, ...publish, 'host', 'true']),
          new RegExp(refusal, 'u'),
        );
      });

    function itCarriesDatagrams(): void {
      it('carry datagrams there and back, and tell who sent them', { skip: noDatagrams }, async () => {
        await serve(box, 'datagrams', '--net', driver, '-p', `0.0.0.0::${String(FIRST)}/udp`);
        const port = Number(
          /:(\d+)\n$/u.exec(printed(await box.hutch(['port', 'datagrams', `${String(FIRST)}/udp`])))?.[1],
        );
        const socket = createSocket('udp4');
        try {
          // One after the other: what is sent at once may be dropped by anybody, and rightly.
          for (let turn = 0; turn < 100; turn += 1) {
            const answer = once(socket, 'message', { signal: AbortSignal.timeout(PATIENCE_MS) });
            socket.send(`packet ${String(turn)}`, port, OUTER);
            assert.equal(String((await answer)[0]), `packet ${String(turn)} from ${OUTER ?? ''}`);
          }
        } finally {
          socket.close();
        }
      });
    }
  });
}
