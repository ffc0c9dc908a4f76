/** The settings file in the shape of a finding, and what it asks for; CLI process. */
import { join } from 'node:path';
import { NETWORK_DRIVERS, type NetworkDriverName } from '../../drivers/network/driver.ts';
import { ROOTFS_DRIVERS, type RootfsDriverName } from '../../drivers/rootfs/probe.ts';
import { HutchError } from '../../errors/hutch-error.ts';
import { failed, fine, you, type Finding, type Topic } from '../../host/probe/finding.ts';
import { readSettings } from '../../state/settings.ts';
import type { Store } from '../../state/store.ts';

export const SETTINGS: Topic = { id: 'settings', title: 'settings file', needed: true };

/** What the settings ask for; `problem` says why nothing can be made of them. */
export interface Wishes {
  readonly storageDriver?: RootfsDriverName | undefined;
  readonly network?: NetworkDriverName | undefined;
  readonly problem?: string | undefined;
}

/** Reads the settings; a damaged file is a problem, no error. */
export function readWishes(store: Store): Wishes {
  try {
    const { storageDriver, network } = readSettings(store);
    return {
      storageDriver: oneOf(ROOTFS_DRIVERS, 'storageDriver', storageDriver),
      network: oneOf(NETWORK_DRIVERS, 'network', network),
    };
  } catch (error) {
    if (!(error instanceof HutchError)) throw error;
    return { problem: error.message };
  }
}

function oneOf<T extends string>(known: readonly T[], key: string, value: string | undefined): T | undefined {
  const found = known.find((name) => name === value);
  if (value === undefined || found !== undefined) return found;
  throw new HutchError(`invalid value "${value}" for "${key}"; it is one of ${known.join(', ')}`, {
    code: 'CONFIG_INVALID',
  });
}

/** Whether `run` can make something of the settings. */
export function judgeSettings(store: Store, { storageDriver, network, problem }: Wishes): Finding {
  const path = join(store.config, 'config.json');
  if (problem !== undefined)
    return failed(SETTINGS, problem, { cause: `${path} is not what hutch understands`, fix: [you(`edit ${path}`)] });
  const asked = [
    ...(storageDriver === undefined ? [] : [`storageDriver ${storageDriver}`]),
    ...(network === undefined ? [] : [`network ${network}`]),
  ];
  return fine(SETTINGS, asked.length === 0 ? 'none' : `${asked.join(', ')}, in ${path}`);
}

const OF_SLIRP: readonly string[] = ['slirp4netns', 'dev-net-tun'];

/** The findings, of which those about slirp4netns are not needed where the settings name another network. */
export function lessenBySettings(findings: readonly Finding[], { network = 'slirp4netns' }: Wishes): Finding[] {
  if (network === 'slirp4netns') return [...findings];
  return findings.map((finding) =>
    OF_SLIRP.includes(finding.id)
      ? { ...finding, needed: false, status: finding.status === 'fail' ? 'warn' : finding.status }
      : finding,
  );
}
