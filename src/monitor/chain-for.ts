/** The launch chain of a plan on this host; in the monitor. */
import type { Plan } from '../plan/step.ts';
import { launchChain, type LaunchChain } from '../userns/launch-chain.ts';
import { readSubordinateIds } from '../userns/subordinate-ids.ts';
import type { JoinedNamespaces } from './joined-network.ts';
import { locateInit } from './locate-init.ts';

/** `joined`: the namespaces that the plan joins, opened; undefined where it joins none. */
export function chainFor(plan: Plan, joined?: JoinedNamespaces): LaunchChain {
  const { argv, node, expose } = locateInit();
  return launchChain(
    {
      userNamespaces: plan.enter.userNamespaces,
      pid: plan.enter.pid,
      time: plan.enter.time,
      argv,
      protect: node,
      ...(joined === undefined ? {} : { join: joined }),
      ...(expose === null ? {} : { expose }),
    },
    readSubordinateIds(process.getuid?.() ?? 0),
  );
}
