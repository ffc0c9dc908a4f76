/** Containers that exist as records only: hundreds of them cost no time, and nothing of them runs. */

import { mkdirSync } from 'node:fs';
import { HUTCH_ANNOTATIONS, type RuntimeSpec, type SpecMount } from '../../src/oci/runtime-spec.ts';
import { claimName } from '../../src/state/container-names.ts';
import { containerDirectory, writeContainer, type ContainerRecord } from '../../src/state/container-record.ts';
import { newState, writeState, type ContainerState } from '../../src/state/container-state.ts';
import { writeJsonFile } from '../../src/state/json-file.ts';
import { locateStore, openStore, type Store } from '../../src/state/store.ts';

/** A record of the image `host`; `changes` over it. */
export function recordOf(id: string, changes: Partial<ContainerRecord> = {}): ContainerRecord {
  return {
    id,
    name: `name-${id.slice(0, 8)}`,
    image: { reference: 'host', id: '', layers: [] },
    command: ['sh'],
    createdAt: '2026-01-01T00:00:00.000Z',
    removeAtExit: false,
    labels: {},
    terminal: false,
    interactive: false,
    stdinOnce: false,
    restart: { name: 'no', limit: null },
    stopSignal: 15,
    stopTimeoutSeconds: 10,
    timeoutSeconds: null,
    log: { driver: 'file', maxSizeBytes: null, maxFiles: 1 },
    ...changes,
  };
}

/** A number as a container id, which begins with its digits. */
export function idOf(number: number): string {
  return number.toString(16).padStart(8, '0').padEnd(64, 'f');
}

/** The store of a sandbox or scratch directory, made where it is missing. */
export function storeIn(data: string, run: string): Store {
  return openStore(locateStore({ data, run, config: `${data}-config` }));
}

/** The parts of a runtime spec that are read again later. */
export interface StoredSpec {
  readonly mounts?: readonly SpecMount[];
  readonly network?: string;
}

/** Writes a container as `create` leaves one, or in the state that `changes` give. */
export async function storeContainer(
  store: Store,
  record: ContainerRecord,
  changes: Partial<ContainerState> = {},
  { mounts = [], network = 'none' }: StoredSpec = {},
): Promise<void> {
  const directory = containerDirectory(store, record.id);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  await claimName(store, record.name, record.id);
  writeContainer(store, record);
  writeState(store, record.id, { ...newState(null), ...changes });
  const spec: RuntimeSpec = {
    ociVersion: '1.2.0',
    process: {
      terminal: record.terminal,
      user: { uid: 0, gid: 0, additionalGids: [] },
      args: record.command,
      env: ['container=hutch'],
      cwd: '/',
      capabilities: { bounding: [], effective: [], inheritable: [], permitted: [], ambient: [] },
      rlimits: [],
      noNewPrivileges: false,
    },
    root: { path: `${directory}/root`, readonly: false },
    hostname: 'stored',
    mounts,
    linux: {
      namespaces: [{ type: 'pid' }, ...(network === 'host' ? [] : [{ type: 'network' as const }])],
      uidMappings: [],
      gidMappings: [],
      devices: [],
      sysctl: {},
      maskedPaths: [],
      readonlyPaths: [],
      seccomp: null,
    },
    annotations: { [HUTCH_ANNOTATIONS.network]: network },
  };
  writeJsonFile(`${directory}/config.json`, spec, { durable: false });
  writeJsonFile(`${directory}/plan.json`, {}, { durable: false });
}
