/** The queues of a container's network devices (tc(8)): setting them, reading them; on the host's side, by nsenter(1) into its namespaces. */
import { HutchError } from '../errors/hutch-error.ts';
import { requireTool, runTool, type ToolResult } from './run-tool.ts';

/** System directories only: the programs run with the caller's authority over the namespace. */
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
/** The first use of a kind of device or rule loads modules of the kernel: more than 10 s on an emulated machine that was busy. */
const PATIENCE_MS = 30_000;

/** A queue as `tc -s -j qdisc show` describes it. */
export interface NetworkQueue {
  readonly device: string;
  /** `tbf`, `ingress`, `noqueue` … */
  readonly kind: string;
  /** Null for a kind without a rate. */
  readonly bitsPerSecond: number | null;
  readonly burstBytes: number | null;
  /** What has passed. */
  readonly bytes: number;
  readonly packets: number;
  readonly drops: number;
  /** How often a packet had to wait. */
  readonly overlimits: number;
}

/** Runs a program of the host in the user and network namespaces of the process `pid`, `input` being its stdin. HOST_TOOL_MISSING, HOST_TOOL_FAILED. */
export function runInNetwork(
  pid: number,
  [name, ...args]: readonly [string, ...string[]],
  input?: string,
): Promise<ToolResult> {
  const nsenter = requireTool('nsenter', 'enter the network namespace of a container');
  const tool = requireTool(name, 'set up the network of a container');
  // Host root must become the root of the namespace; anybody else is its owner already.
  const credentials = process.getuid?.() === 0 ? [] : ['--preserve-credentials'];
  const enter = [...credentials, '-t', String(pid), '--user', '--net', '--'];
  return runTool([nsenter, ...enter, tool, ...args], {
    env: { PATH, LC_ALL: 'C' },
    timeoutMs: PATIENCE_MS,
    ...(input === undefined ? {} : { input }),
  });
}

/** The queues of all devices in the network namespace of `pid`. HOST_TOOL_FAILED with tc's own words. */
export async function readQueues(pid: number): Promise<NetworkQueue[]> {
  const { code, stdout, stderr } = await runInNetwork(pid, ['tc', '-s', '-j', 'qdisc', 'show']);
  const queues = code === 0 ? parseQueues(stdout) : undefined;
  if (queues !== undefined) return queues;
  throw new HutchError(`tc could not tell the queues of process ${String(pid)}: ${stderr.trim() || 'no JSON'}`, {
    code: 'HOST_TOOL_FAILED',
    hint: 'the container may have ended; else see whether the iproute2 of this host is older than 4.20',
    context: { pid },
  });
}

interface Described {
  readonly kind: string;
  readonly dev?: string;
  readonly options?: { readonly rate?: number; readonly burst?: number };
  readonly bytes?: number;
  readonly packets?: number;
  readonly drops?: number;
  readonly overlimits?: number;
}

/** Pure: what tc has printed; undefined when it is no such list. tc counts rates in bytes per second. */
export function parseQueues(text: string): NetworkQueue[] | undefined {
  const list = parsed(text);
  if (!Array.isArray(list)) return undefined;
  return (list as readonly Described[]).map(({ kind, dev, options, bytes, packets, drops, overlimits }) => ({
    device: dev ?? '',
    kind,
    bitsPerSecond: options?.rate === undefined ? null : options.rate * 8,
    burstBytes: options?.burst ?? null,
    bytes: bytes ?? 0,
    packets: packets ?? 0,
    drops: drops ?? 0,
    overlimits: overlimits ?? 0,
  }));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
