/** Whether a container's network can be held to a rate here: tried on a throw-away network; on the host's side. */
import { failed, fine, you, admin, type Finding, type Topic } from '../../host/probe/finding.ts';
import { installFix } from '../../host/probe/install-hint.ts';
import { findTool } from '../../host/run-tool.ts';
import { rateCommands, type RateCommand } from '../../plan/network-rate.ts';
import { tryInUserns, whyFailed, type Trial } from '../../userns/probe/try-in-userns.ts';

export const NETWORK_RATE: Topic = {
  id: 'network-rate',
  title: 'rate of a network, for --network-rate',
  needed: false,
};

/** As for a container, but on the one device that every network has. */
const COMMANDS = rateCommands({ device: 'lo', bitsPerSecond: 8_000_000, burstBytes: 131_072 });
/** tc(8) and ip(8) lie where an ordinary user does not look. */
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
const WITHOUT = you('do without --network-rate');

export async function probeNetworkRate(lacks = (name: string) => findTool(name) === undefined): Promise<Finding> {
  const missing = ['tc', 'ip'].filter(lacks);
  if (missing.length > 0)
    return failed(NETWORK_RATE, `${missing.join(' and ')} not installed`, {
      cause: 'queues of iproute2 hold a network to its rate',
      fix: [WITHOUT, installFix('tc')],
    });
  return judgeRate(await tryInUserns(rateScript()));
}

/** Each command announces itself by its number. */
export function rateScript(commands: readonly RateCommand[] = COMMANDS): string {
  const lines = commands.map(({ argv }, index) => `echo "step ${String(index)}"; ${argv.join(' ')}`);
  return `at 'make a network namespace'\nPATH=${PATH} unshare --net -- sh -euc '${lines.join('\n')}'`;
}

/** What became of it. */
export function judgeRate(trial: Trial): Finding {
  const why = whyFailed(trial);
  if (why === null) return fine(NETWORK_RATE, 'tbf, ifb, u32 and mirred: held in both directions');
  const command = COMMANDS[Number(trial.step)];
  if (command === undefined)
    return failed(NETWORK_RATE, why, { cause: 'no network could be made to try it on', fix: [WITHOUT] });
  const [modules, options] = command.needs;
  return failed(NETWORK_RATE, `${command.argv.join(' ')}: ${why.slice(why.indexOf(': ') + 2)}`, {
    cause: `this kernel seems to lack ${modules} (${options})`,
    fix: [WITHOUT, admin(`modprobe -a ${modules.replace(' and ', ' ')}`)],
  });
}
