/** Holding the network of a container to a rate, out of its reach: by tc(8) in its network namespace; in the monitor, on the host's side. */
import { HutchError } from '../errors/hutch-error.ts';
import { readQueues, runInNetwork, type NetworkQueue } from '../host/network-queues.ts';
import {
  changeCommands,
  INGRESS_DEVICE,
  rateCommands,
  rateText,
  removalCommands,
  type NetworkRate,
  type RateCommand,
} from '../plan/network-rate.ts';

/** tc rounds rates to bytes and bursts to ticks of its clock. */
const TOLERANCE = 0.02;

/**
 * Puts queues on the device in the namespaces of `pid` (init, before the payload runs), and reads back what the kernel has made of them.
 * HOST_FEATURE_MISSING naming what the kernel lacks, HOST_TOOL_MISSING, NETWORK_FAILED when it did not take effect.
 */
export function limitNetwork(rate: NetworkRate, pid: number): Promise<void> {
  return apply(rateCommands(rate), rate, pid);
}

/** As limitNetwork() for a network that is held to another rate already: both queues are exchanged as they stand. */
export function changeRate(rate: NetworkRate, pid: number): Promise<void> {
  return apply(changeCommands(rate), rate, pid);
}

/** Takes the queues of a rate away, as far as they are there. */
export async function unlimitNetwork(rate: NetworkRate, pid: number): Promise<void> {
  for (const argv of removalCommands(rate)) await runInNetwork(pid, argv);
}

async function apply(commands: readonly RateCommand[], rate: NetworkRate, pid: number): Promise<void> {
  for (const command of commands) {
    const { code, stderr } = await runInNetwork(pid, command.argv);
    if (code !== 0) throw lacking(rate, command, stderr);
  }
  const fault = findFault(rate, await readQueues(pid));
  if (fault === undefined) return;
  throw new HutchError(`the network is not held to ${rateText(rate.bitsPerSecond)} after it was set: ${fault}`, {
    code: 'NETWORK_FAILED',
    hint: 'report it with the output of `tc -V` and `uname -r`, and leave out --network-rate meanwhile',
  });
}

/** As limitNetwork() where the device is a new one, and what was led through the other device of the old one is gone. */
export async function limitNetworkAgain(rate: NetworkRate, pid: number): Promise<void> {
  // Whatever it says: were the device still there, making it anew would fail.
  await runInNetwork(pid, ['ip', 'link', 'del', INGRESS_DEVICE]);
  await limitNetwork(rate, pid);
}

/** Pure: what of the queues is not as it was asked for. */
export function findFault(rate: NetworkRate, queues: readonly NetworkQueue[]): string | undefined {
  const wrong = [rate.device, INGRESS_DEVICE].find((device) => !queues.some((queue) => isAsked(queue, device, rate)));
  if (wrong !== undefined) return `${wrong} has no queue of that rate`;
  const isLed = queues.some(({ device, kind }) => device === rate.device && kind === 'ingress');
  return isLed ? undefined : `what comes in by ${rate.device} is not led through ${INGRESS_DEVICE}`;
}

function isAsked(queue: NetworkQueue, device: string, rate: NetworkRate): boolean {
  const isNear = (is: number | null, asked: number): boolean =>
    is !== null && Math.abs(is - asked) <= asked * TOLERANCE;
  return (
    queue.device === device &&
    queue.kind === 'tbf' &&
    isNear(queue.bitsPerSecond, rate.bitsPerSecond) &&
    isNear(queue.burstBytes, rate.burstBytes)
  );
}

function lacking({ bitsPerSecond }: NetworkRate, { argv, needs: [modules, options] }: RateCommand, words: string) {
  const said = words.trim().split('\n').join('; ');
  return new HutchError(
    `cannot hold the network to ${rateText(bitsPerSecond)}: \`${argv.join(' ')}\` failed${said === '' ? '' : `: ${said}`}`,
    {
      code: 'HOST_FEATURE_MISSING',
      hint: `the kernel seems to lack ${modules} (${options}): ask an admin to try \`modprobe -a ${modules.replace(' and ', ' ')}\`, or leave out --network-rate`,
      context: { command: argv.join(' '), modules },
    },
  );
}
