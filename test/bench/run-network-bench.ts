/**
 * `npm run bench:network`: what goes through the private network of a container, next to podman with the same slirp4netns. Run it as an ordinary
 * user, after `npm run build`, on a host with an address beside the loopback. Each round asks every contestant once. podman comes twice: with
 * `port_handler=slirp4netns`, which publishes as hutch does and keeps the client's address, and with its default, a proxy that hides
 * it and takes ports past slirp4netns. Rows between containers have two of them on a user network of their own (`network create`), and podman
 * once more with packets as long as hutch's; round trips there have both ends on one processor. Options: --rounds N (default 7), --only TEXT for rows that have TEXT in their name, --json.
 */
import { spawnSync } from 'node:child_process';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { IMAGE, makeBusyboxWorld } from './busybox-world.ts';
import { launchEnd, roundTrips, sendTo, shortConnections } from './network-client.ts';
import { runCommand, type Argv } from './run-command.ts';
import { median, report, type Comparison } from './side-by-side.ts';

const MEBIBYTES = 256;
const HUTCH = 'hutch';
const SAME = 'podman, same helper';
const PROXY = 'podman, proxy';
const LONG = 'podman, mtu 65520';
/** Flags of `network create`, of those who have two containers on one. */
const PAIRS: Readonly<Record<string, readonly string[]>> = {
  [HUTCH]: [],
  [SAME]: [],
  [LONG]: ['--opt', 'mtu=65520'],
};
const BETWEEN = 'between containers';
/** In one turn. */
const DIFFERENCES = 5;

interface Tool {
  readonly name: string;
  readonly argv: Argv;
  /** Flags of a private network. */
  readonly network: readonly string[];
  readonly none: readonly string[];
  /** Of the host, that leads to its container; not a number where it has none. */
  readonly port: number;
  /** Of the far one of its two containers on a user network; empty where it has none. */
  readonly far: string;
}

/** Milliseconds of one turn, by row. */
type Row = (tool: Tool) => Promise<number>;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    only: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
  },
});
const outer = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === 'IPv4' && !address.internal)?.address;
if (outer === undefined) throw new Error('this host has loopback only, which private networks do not reach');

using world = makeBusyboxWorld();
const { hutch, podman, env } = world;
const END = join(env['HUTCH_DATA'] ?? '', '../end');
runCommand(['gcc', '-O2', '-static', '-pthread', '-o', END, join(import.meta.dirname, 'network-end.c')]);
using server = await launchEnd(END);

const ROWS: Readonly<Record<string, Row>> = {
  'throughput out': (tool) =>
    Promise.resolve(
      Number(
        told([...tool.argv, 'exec', containerOf(tool.name), '/end', outer, String(server.port), String(MEBIBYTES)]),
      ) * 1000,
    ),
  'throughput in': ({ port }) => timed(() => sendTo(port, MEBIBYTES)),
  '2000 connections, one by one': ({ port }) => timed(() => shortConnections(port, 2000, 1)),
  '2000 connections, ten at once': ({ port }) => timed(() => shortConnections(port, 2000, 10)),
  '2000 round trips': ({ port }) => timed(() => roundTrips(port, 2000)),
  [`throughput ${BETWEEN}`]: (tool) => toFar(tool, String(MEBIBYTES * 8)),
  [`2000 round trips ${BETWEEN}`]: (tool) => toFar(tool, '2000', 'turns'),
  'run in a private network': (tool) => starts(tool, tool.network),
  'start of a private network': startOfNetwork,
};

const rows = Object.keys(ROWS).filter((name) => name.includes(values.only));
const tools = startAll();
try {
  const times = new Map<string, number[]>();
  const turns = rows.flatMap((row) => tools.filter((tool) => takesPart(tool, row)).map((tool) => ({ row, tool })));
  for (let round = -1; round < Number(values.rounds); round += 1)
    for (const { row, tool } of turns) {
      const name = `${tool.name}: ${row}`;
      const elapsed = (await ROWS[row]?.(tool)) ?? Number.NaN;
      if (round >= 0) times.set(name, [...(times.get(name) ?? []), elapsed]);
    }
  report(times, rows.flatMap(comparisons), values.json);
} finally {
  for (const { argv, name } of tools) {
    const near = containerOf(name);
    // One by one: podman removes none where one is missing.
    const containers = [near, `${near}-pair`, farOf(name)].map((each) => ['rm', '-f', each]);
    for (const words of [...containers, ['network', 'rm', near]])
      spawnSync(argv[0], [...argv.slice(1), ...words], { env });
  }
}

/** A difference of two starts, which vary by as much as it is: the median of some. */
async function startOfNetwork(tool: Tool): Promise<number> {
  const differences: number[] = [];
  for (let turn = 0; turn < DIFFERENCES; turn += 1) {
    differences.push((await starts(tool, tool.network)) - (await starts(tool, tool.none)));
  }
  return median(differences);
}

function takesPart({ far, port }: Tool, row: string): boolean {
  return row.includes(BETWEEN) ? far !== '' : !Number.isNaN(port);
}

/** Ratios of times: at most 1 is at least podman's speed. The proxy takes what comes in past slirp4netns, so it sets no goal. */
function comparisons(row: string): Comparison[] {
  const goal = row.startsWith('start') ? 0.5 : row.startsWith('run') ? null : 1;
  return [
    { of: `${HUTCH}: ${row}`, to: `${SAME}: ${row}`, goal },
    { of: `${HUTCH}: ${row}`, to: `${PROXY}: ${row}`, goal: null },
    { of: `${HUTCH}: ${row}`, to: `${LONG}: ${row}`, goal: 1 },
  ];
}

function containerOf(name: string): string {
  return name.replaceAll(/\W+/gu, '-');
}

function farOf(name: string): string {
  return `${containerOf(name)}-far`;
}

function startAll(): Tool[] {
  const all = [
    { name: HUTCH, argv: [hutch] as const, network: ['--net', 'slirp4netns'], none: ['--net', 'none'] },
    ...(podman === null
      ? []
      : [
          {
            name: SAME,
            argv: podman,
            network: ['--network', 'slirp4netns:port_handler=slirp4netns'],
            none: ['--network', 'none'],
          },
          { name: PROXY, argv: podman, network: ['--network', 'slirp4netns'], none: ['--network', 'none'] },
          { name: LONG, argv: podman, network: [], none: [] },
        ]),
  ];
  const hasPairs = rows.some((row) => row.includes(BETWEEN));
  const hasPorts = rows.some((row) => !row.includes(BETWEEN));
  return all.map((tool) => ({
    ...tool,
    port: hasPorts && tool.name !== LONG ? startPublished(tool) : Number.NaN,
    far: hasPairs ? startPair(tool) : '',
  }));
}

type NewTool = Omit<Tool, 'port' | 'far'>;

function start({ argv }: NewTool, name: string, flags: readonly string[]): void {
  const words = ['run', '-d', '--name', name, '-v', `${END}:/end:ro`, ...flags, IMAGE, '/end', '7000'];
  runCommand([...argv, ...words], env);
}

/** Its port on the host. */
function startPublished(tool: NewTool): number {
  const name = containerOf(tool.name);
  start(tool, name, ['-p', '127.0.0.1::7000', ...tool.network]);
  return Number(/:(\d+)\n/u.exec(told([...tool.argv, 'port', name, '7000']))?.[1]);
}

/** The address of the far one. */
function startPair(tool: NewTool): string {
  const { name, argv } = tool;
  const [flags, network] = [PAIRS[name], containerOf(name)];
  if (flags === undefined) return '';
  runCommand([...argv, 'network', 'create', ...flags, network], env);
  for (const each of [`${network}-pair`, farOf(name)]) start(tool, each, ['--network', network]);
  const format = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`;
  return told([...argv, 'inspect', '-f', format, farOf(name)]).trim();
}

/** What the near one measures. */
function toFar({ argv, name, far }: Tool, ...words: readonly string[]): Promise<number> {
  const seconds = told([...argv, 'exec', `${containerOf(name)}-pair`, '/end', far, '7000', ...words]);
  return Promise.resolve(Number(seconds) * 1000);
}

function told(argv: Argv): string {
  const { status, stdout, stderr } = spawnSync(argv[0], argv.slice(1), { env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${String(status)}: ${stderr}`);
  return stdout;
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - start) / 1e6;
}

function starts({ argv }: Tool, network: readonly string[]): Promise<number> {
  return timed(() => {
    runCommand([...argv, 'run', '--rm', ...network, IMAGE, 'true'], env);
    return Promise.resolve();
  });
}
