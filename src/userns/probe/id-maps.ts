/** Writing the id maps of a user namespace, and telling apart why that fails; on the host's side. Source: newuidmap(1). */
import { realpathSync, statSync } from 'node:fs';
import { errnoOf, HutchError } from '../../errors/hutch-error.ts';
import {
  admin,
  failed,
  fine,
  lessened,
  you,
  type Diagnosis,
  type Finding,
  type Topic,
} from '../../host/probe/finding.ts';
import { installFix } from '../../host/probe/install-hint.ts';
import { mountOf, readMountTable } from '../../host/probe/mount-table.ts';
import { readText, statusField } from '../../host/probe/read-text.ts';
import { findTool, runTool } from '../../host/run-tool.ts';
import { parseIdMap, type IdExtent } from '../../linux/id-map.ts';
import { chooseMaps } from '../choose-maps.ts';
import { tryInUserns, whyFailed } from './try-in-userns.ts';

export const ID_MAPS: Topic = { id: 'id-maps', title: 'id maps', needed: true };

/** Makes a user namespace as every container's is made, and reads from inside which ids it has. */
export async function probeIdMaps(): Promise<Finding> {
  const { reducedBecause, userNamespace } = await chooseMaps();
  const wanted = countOf(userNamespace.uidMap);
  try {
    const trial = await tryInUserns('at "map ids"; cat /proc/self/uid_map');
    const reason = whyFailed(trial) ?? shortfall(countOf(parseIdMap(trial.stdout)), wanted);
    if (reason !== null) return failed(ID_MAPS, reason, await diagnose(reason));
  } catch (error) {
    if (!(error instanceof HutchError) && errnoOf(error) === undefined) throw error;
    const said = error instanceof Error ? error.message : '';
    return failed(ID_MAPS, said, await diagnose(said));
  }
  if (reducedBecause !== null) return lessened(ID_MAPS, 'one id mapped', explainReduced(reducedBecause));
  return fine(ID_MAPS, `${wanted} ids, written by ${WRITERS[userNamespace.writer]}`);
}

const WRITERS = { newuidmap: 'newuidmap and newgidmap', self: 'the process itself', parent: 'root' } as const;

function countOf(map: readonly IdExtent[]): number {
  return map.reduce((sum, extent) => sum + extent.count, 0);
}

function shortfall(seen: number, wanted: number): string | null {
  return seen === wanted ? null : `${seen} ids arrived of ${wanted}`;
}

function explainReduced(reason: string): Diagnosis {
  const tool = /^(new[ug]idmap) is not installed/u.exec(reason)?.[1];
  return {
    cause: `${reason}, so a container has root as its only user`,
    fix: [tool === undefined ? admin('grant subordinate ids, as said above') : installFix(tool)],
  };
}

/** What decides whether a map helper can do its work. */
export interface MapFacts {
  readonly tool: string;
  /** Null when the helper is not installed. */
  readonly path: string | null;
  readonly isSetuidRoot: boolean;
  /** What getcap(8) prints; null when there is no getcap to ask. */
  readonly fileCapabilities: string | null;
  /** Options of the mount that the helper lies on. */
  readonly mountOptions: readonly string[];
  readonly mountTarget: string;
  readonly noNewPrivs: boolean;
  /** The map of the user namespace that we are in: the initial one has all ids. */
  readonly ownMap: readonly IdExtent[];
}

async function diagnose(said: string): Promise<Diagnosis> {
  const tool = said.includes('newgidmap') ? 'newgidmap' : 'newuidmap';
  return explainMapFailure(said, await readMapFacts(tool));
}

async function readMapFacts(tool: string): Promise<MapFacts> {
  const found = findTool(tool);
  const path = found === undefined ? null : realpathSync(found);
  const stats = path === null ? undefined : statSync(path, { throwIfNoEntry: false });
  const mount = path === null ? undefined : mountOf(readMountTable(), path);
  return {
    tool,
    path,
    isSetuidRoot: stats !== undefined && (stats.mode & 0o4000) !== 0 && stats.uid === 0,
    fileCapabilities: path === null ? null : await readFileCapabilities(path),
    mountOptions: mount?.options ?? [],
    mountTarget: mount?.target ?? '/',
    noNewPrivs: statusField('NoNewPrivs') === '1',
    ownMap: parseIdMap(readText('/proc/self/uid_map') ?? ''),
  };
}

async function readFileCapabilities(path: string): Promise<string | null> {
  const getcap = findTool('getcap');
  return getcap === undefined ? null : (await runTool([getcap, path], { timeoutMs: 5000 })).stdout.trim();
}

const ALL_IDS = 0xffff_ffff;

/** The one cause, of those that look alike ("write to uid_map failed: Operation not permitted"), that these facts show. */
export function explainMapFailure(said: string, facts: MapFacts): Diagnosis {
  const { tool, path } = facts;
  if (!said.startsWith('new') && said.includes('No space left on device')) {
    return {
      cause: 'the limit of user, mount or pid namespaces is reached, here or in a namespace around this one',
      fix: [admin('raise the limits: sysctl -a -r "^user.max_.*_namespaces"')],
    };
  }
  // Root writes maps by itself, so its helper does not matter.
  if (!said.startsWith('new')) return explainDirectWrite(facts);
  if (path === null) return { cause: `${tool} is not installed`, fix: [installFix(tool)] };
  if (said.includes('not allowed')) return explainRefusedRange(said, tool);
  if (facts.noNewPrivs) {
    return {
      cause: `this process may not gain privileges (NoNewPrivs is 1), so the setuid bit of ${path} is without effect`,
      fix: [
        you('start hutch from a plain login shell'),
        admin('unset NoNewPrivileges= of the service that starts hutch'),
      ],
    };
  }
  if (facts.mountOptions.includes('nosuid')) {
    return {
      cause: `${path} lies on ${facts.mountTarget}, which is mounted nosuid: its setuid bit is without effect`,
      fix: [admin(`mount -o remount,suid ${facts.mountTarget}`)],
    };
  }
  if (!facts.isSetuidRoot && !grantsMapping(facts)) return explainLostBit(facts, path);
  return explainDirectWrite(facts);
}

function explainDirectWrite({ ownMap }: MapFacts): Diagnosis {
  if (countOf(ownMap) < ALL_IDS) {
    return {
      cause: `hutch runs in a user namespace already, which has ${countOf(ownMap)} ids: a map can only use those`,
      fix: [
        you('grant ids inside it: lines in its /etc/subuid and /etc/subgid within its own map'),
        admin('give the outer container more ids'),
      ],
    };
  }
  return {
    cause:
      'the kernel refused the map although everything that it asks for is there: a security module or a filter forbids it',
    fix: [admin('journalctl -k -n 50')],
  };
}

function grantsMapping({ tool, fileCapabilities }: MapFacts): boolean {
  return fileCapabilities?.includes(tool === 'newuidmap' ? 'cap_setuid' : 'cap_setgid') === true;
}

function explainRefusedRange(said: string, tool: string): Diagnosis {
  const file = tool === 'newuidmap' ? '/etc/subuid' : '/etc/subgid';
  const range = /-> (\[\d+-\d+\))/u.exec(said)?.[1] ?? 'the range';
  return {
    cause: `${tool} did not find ${range} in ${file} as granted to you: another source (getsubids) or another name gives it`,
    fix: [admin(`make ${file} and the subid line of /etc/nsswitch.conf agree about this user`)],
  };
}

function explainLostBit({ tool, fileCapabilities }: MapFacts, path: string): Diagnosis {
  const capability = tool === 'newuidmap' ? 'cap_setuid' : 'cap_setgid';
  const seen = fileCapabilities === null ? ' (file capabilities could not be looked up)' : ' and no file capabilities';
  return {
    cause: `${path} has no setuid bit${seen}: copying or an image build has lost them`,
    fix: [admin(`chmod u+s ${path}    # or: setcap ${capability}+ep ${path}`)],
  };
}
