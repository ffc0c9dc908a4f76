/** `--network-rate` and `--network-burst`: what they ask for, and where they are refused; pure but for looking for the tools. */
import { HutchError } from '../../errors/hutch-error.ts';
import type { NetworkDriver } from '../../drivers/network/driver.ts';
import { requireTool } from '../../host/run-tool.ts';
import { HUTCH_ANNOTATIONS, type SpecCapabilities } from '../../oci/runtime-spec.ts';
import { badValue, parseSize } from './parse-values.ts';
import type { RunRequest } from './run-request.ts';

const BITS: Readonly<Record<string, number>> = {
  bit: 1,
  kbit: 1e3,
  mbit: 1e6,
  gbit: 1e9,
  kibit: 1024,
  mibit: 1024 ** 2,
  gibit: 1024 ** 3,
};
/** Below it the largest packet of the network, 64 KiB, would take more than eight seconds. */
const LEAST_BITS = 64e3;
const MOST_BITS = 1e12;
/** The largest packet of slirp4netns with its header; one that is larger than the burst would never pass. */
const LEAST_BURST_BYTES = 66 * 1024;
const DEFAULT_BURST_BYTES = 128 * 1024;
const MOST_BURST_BYTES = 1024 ** 3;

type Asked = Pick<RunRequest, 'networkRate' | 'networkBurst'>;

/**
 * The annotations of the spec that stand for both flags; none when they are not given. USAGE_INVALID for a value that is no rate, for a
 * network without a device of its own, and for capabilities by which the container could take the limit away or go round it.
 */
export function networkRate(
  { networkRate: rate, networkBurst: burst }: Asked,
  network: Pick<NetworkDriver, 'name' | 'device'>,
  { bounding }: Pick<SpecCapabilities, 'bounding'>,
): Record<string, string> {
  if (rate === undefined && burst === undefined) return {};
  if (rate === undefined) throw withoutRate(burst ?? '');
  const bitsPerSecond = parseRate(rate);
  if (network.device === null) throw nothingToLimit(network.name);
  refuseBreakers(bounding);
  return {
    [HUTCH_ANNOTATIONS.networkRate]: String(bitsPerSecond),
    [HUTCH_ANNOTATIONS.networkBurst]: String(burst === undefined ? defaultBurst(bitsPerSecond) : parseBurst(burst)),
  };
}

/** HOST_TOOL_MISSING where this host has no iproute2. */
export function requireRateTools(): void {
  for (const tool of ['tc', 'ip', 'nsenter']) requireTool(tool, 'limit the network of a container (--network-rate)');
}

/** Bits per second of `8mbit`, `1.5gbit/s`, in the units of tc(8). Bytes and bare letters are refused: tc, docker and people differ about them. */
export function parseRate(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([kmg]?i?bit)(?:\/s)?$/iu.exec(text);
  const unit = BITS[match?.[2]?.toLowerCase() ?? ''];
  const bits = match === null || unit === undefined ? Number.NaN : Math.round(Number(match[1]) * unit);
  if (Number.isNaN(bits))
    throw badValue(
      '--network-rate',
      text,
      'bits per second with the unit written out: bit, kbit, mbit, gbit (or kibit, mibit, gibit), such as 8mbit, which is one megabyte per second',
    );
  if (bits < LEAST_BITS || bits > MOST_BITS) throw badValue('--network-rate', text, 'a rate from 64kbit to 1000gbit');
  return bits;
}

function parseBurst(text: string): number {
  const bytes = parseSize('--network-burst', text);
  if (bytes < LEAST_BURST_BYTES || bytes > MOST_BURST_BYTES)
    throw badValue('--network-burst', text, 'a size from 66k, as packets have up to 64k, to 1g');
  return bytes;
}

/** What passes in 10 ms, in which the kernel may not come to it. */
function defaultBurst(bitsPerSecond: number): number {
  return Math.min(MOST_BURST_BYTES, Math.max(DEFAULT_BURST_BYTES, Math.ceil(bitsPerSecond / 8 / 100)));
}

const BREAKERS: Readonly<Record<string, string>> = {
  CAP_NET_ADMIN: 'could take the limit away',
  CAP_NET_RAW: 'could send past the limit by a packet socket (PACKET_QDISC_BYPASS in packet(7))',
};

/** USAGE_INVALID for capabilities by which a container could take away the rate of the network that it is in. */
export function refuseBreakers(bounding: readonly string[]): void {
  const breaker = Object.keys(BREAKERS).find((name) => bounding.includes(name));
  if (breaker === undefined) return;
  throw new HutchError(`--network-rate would be no limit: with ${breaker} the container ${BREAKERS[breaker] ?? ''}`, {
    code: 'USAGE_INVALID',
    hint: 'leave out --privileged and --cap-add of NET_ADMIN, NET_RAW or ALL, or leave out --network-rate',
    context: { capability: breaker },
  });
}

const WHY_NOT: Readonly<Record<string, string>> = {
  none: '--net none has no network that could be limited',
  host: "--net host is the host's own network, which an ordinary user cannot limit",
};

function nothingToLimit(name: string): HutchError {
  return new HutchError(`--network-rate: ${WHY_NOT[name] ?? `--net ${name} has no device of the container's own`}`, {
    code: 'USAGE_INVALID',
    hint: 'use --net slirp4netns, or leave out --network-rate',
    context: { network: name },
  });
}

function withoutRate(burst: string): HutchError {
  return new HutchError(`--network-burst ${burst} has no rate to go with`, {
    code: 'USAGE_INVALID',
    hint: 'give --network-rate too, such as --network-rate 8mbit',
  });
}
