/** Holding a network device to a rate, in both directions: which programs do it, in which order; pure. Source: tc-tbf(8), tc-mirred(8). */

/** What a device is held to. */
export interface NetworkRate {
  readonly device: string;
  readonly bitsPerSecond: number;
  /** What may pass at once after a pause. */
  readonly burstBytes: number;
}

/** One program and its arguments, and what the kernel must have for it. */
export interface RateCommand {
  readonly argv: readonly [string, ...string[]];
  /** The kernel's module and its configuration option. */
  readonly needs: readonly [string, string];
}

/**
 * Queues hold packets on their way out only, so what comes in is led through a second device (Intermediate Functional Block), on
 * whose way out it waits. Its MTU takes the largest packets of slirp4netns.
 */
export const INGRESS_DEVICE = 'ifb0';

/** A queue of a quarter of a megabyte holds four of the largest packets; a fast one holds half a second. */
const LEAST_QUEUE_BYTES = 256 * 1024;

/** The commands, to be run in the network namespace by its root, one after the other. */
export function rateCommands(rate: NetworkRate): readonly RateCommand[] {
  const { device } = rate;
  const bucket = bucketWords(rate);
  return [
    { argv: ['tc', 'qdisc', 'add', 'dev', device, 'root', ...bucket], needs: TBF },
    { argv: ['ip', 'link', 'add', INGRESS_DEVICE, 'mtu', '65535', 'type', 'ifb'], needs: IFB },
    { argv: ['ip', 'link', 'set', INGRESS_DEVICE, 'up'], needs: IFB },
    { argv: ['tc', 'qdisc', 'add', 'dev', INGRESS_DEVICE, 'root', ...bucket], needs: TBF },
    { argv: ['tc', 'qdisc', 'add', 'dev', device, 'handle', 'ffff:', 'ingress'], needs: INGRESS },
    { argv: ['tc', 'filter', 'add', 'dev', device, 'parent', 'ffff:', ...EVERYTHING], needs: REDIRECT },
  ];
}

/** The commands by which queues that stand get another rate: what waits in them stays, and nothing passes beside them meanwhile. */
export function changeCommands(rate: NetworkRate): readonly RateCommand[] {
  const bucket = bucketWords(rate);
  return [rate.device, INGRESS_DEVICE].map((device) => ({
    argv: ['tc', 'qdisc', 'replace', 'dev', device, 'root', ...bucket],
    needs: TBF,
  }));
}

/** The commands that take away what rateCommands() has made, as far as it came. */
export function removalCommands({ device }: NetworkRate): readonly RateCommand['argv'][] {
  return [
    ['tc', 'qdisc', 'del', 'dev', device, 'root'],
    ['tc', 'qdisc', 'del', 'dev', device, 'ingress'],
    ['ip', 'link', 'del', INGRESS_DEVICE],
  ];
}

const TBF = ['sch_tbf', 'CONFIG_NET_SCH_TBF'] as const;
const IFB = ['ifb', 'CONFIG_IFB'] as const;
const INGRESS = ['sch_ingress', 'CONFIG_NET_SCH_INGRESS'] as const;
const REDIRECT = ['cls_u32 and act_mirred', 'CONFIG_NET_CLS_U32, CONFIG_NET_ACT_MIRRED'] as const;

/** A filter that takes all packets: `matchall` would be plainer, but fewer kernels have it. */
const EVERYTHING = [
  ...['protocol', 'all', 'u32', 'match', 'u32', '0', '0'],
  ...['action', 'mirred', 'egress', 'redirect', 'dev', INGRESS_DEVICE],
];

function bucketWords({ bitsPerSecond, burstBytes }: NetworkRate): string[] {
  const waiting = Math.max(LEAST_QUEUE_BYTES, Math.ceil(bitsPerSecond / 8 / 2));
  return [
    ...['tbf', 'rate', `${String(bitsPerSecond)}bit`],
    ...['burst', `${String(burstBytes)}b`, 'limit', `${String(burstBytes + waiting)}b`],
  ];
}

const UNITS = ['bit', 'kbit', 'mbit', 'gbit'] as const;

/** `8mbit`: the rate in the largest of tc's units in which it is a whole number. */
export function rateText(bitsPerSecond: number): string {
  let [value, unit] = [bitsPerSecond, 0];
  while (value >= 1000 && value % 1000 === 0 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${String(value)}${UNITS[unit] ?? ''}`;
}
