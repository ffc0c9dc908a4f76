/** `hutch container install` and `uninstall`: a container that systemd starts at boot or login; on the host's side. */
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { HutchError } from '../../errors/hutch-error.ts';
import { programDirectory } from '../../host/program-path.ts';
import { findTool, runTool } from '../../host/run-tool.ts';
import { controlGroupOf, readSession, type SessionFacts } from '../../host/session.ts';
import { findContainer, type ContainerRecord } from '../../state/container-record.ts';
import { currentState } from '../../state/container-state.ts';
import { writeError, writeTextFile } from '../../state/json-file.ts';
import { locateStore, type Store } from '../../state/store.ts';
import { unitName, unitText, wantedBy } from './user-unit.ts';

/** Variables that decide where hutch and its helpers are found. */
const PASSED_ON = ['HUTCH_DATA', 'XDG_DATA_HOME', 'XDG_CONFIG_HOME', 'PATH'];
const READABLE = 0o644;

export interface InstalledUnit {
  readonly path: string;
  /** What more there is to know or to do. */
  readonly notes: readonly string[];
}

/** The text of a container's unit. CONTAINER_UNKNOWN. */
export function describeUnit(word: string): string {
  return textFor(findContainer(locateStore(), word));
}

/** Writes the unit and has it started from now on. CONTAINER_UNKNOWN; USAGE_INVALID with --rm; HOST_FEATURE_MISSING without systemd. */
export async function installUnit(word: string, facts: SessionFacts = readSession()): Promise<InstalledUnit> {
  const store = locateStore();
  const record = findContainer(store, word);
  refuseUnfit(record, facts);
  const paths = unitPaths(store, record, facts);
  try {
    mkdirSync(dirname(paths.link), { recursive: true });
    writeTextFile(paths.unit, textFor(record), { mode: READABLE });
    rmSync(paths.link, { force: true });
    symlinkSync(`../${unitName(record.name)}`, paths.link);
  } catch (error) {
    throw error instanceof HutchError ? error : writeError(paths.unit, error);
  }
  const isHeard = await reload(facts);
  return { path: paths.unit, notes: notesFor(store, record, { facts, isHeard }) };
}

/** Removes the unit, and leaves the container as it is; returns its path. USAGE_INVALID when there is none. */
export async function uninstallUnit(word: string, facts: SessionFacts = readSession()): Promise<string> {
  const store = locateStore();
  const paths = unitPaths(store, findContainer(store, word), facts);
  if (!existsSync(paths.unit)) {
    throw new HutchError(`there is no unit ${paths.unit}`, { code: 'USAGE_INVALID', hint: 'nothing needs to be done' });
  }
  rmSync(paths.link, { force: true });
  rmSync(paths.unit);
  await reload(facts);
  return paths.unit;
}

function refuseUnfit(record: ContainerRecord, { hasSystemd }: SessionFacts): void {
  if (record.removeAtExit) {
    throw new HutchError(`container "${record.name}" was made with --rm: nothing of it is left to be started again`, {
      code: 'USAGE_INVALID',
      hint: 'make it without --rm',
    });
  }
  if (hasSystemd) return;
  throw new HutchError(`systemd does not run this host, so it cannot start container "${record.name}"`, {
    code: 'HOST_FEATURE_MISSING',
    hint: `let cron do it, by this line in crontab -e: @reboot ${cronCommand(record)}`,
  });
}

function cronCommand({ id }: ContainerRecord): string {
  const words = Object.entries(environment()).map(([key, value]) => `${key}='${value}'`);
  return [...words, join(programDirectory(), 'hutch'), 'start', id.slice(0, 12)].join(' ');
}

function textFor({ id, name, stopTimeoutSeconds }: ContainerRecord): string {
  const program = join(programDirectory(), 'hutch');
  return unitText({ id, name, program, environment: environment(), stopTimeoutSeconds, isSystem: isRoot() });
}

function environment(): Record<string, string> {
  const pairs = PASSED_ON.map((key) => [key, process.env[key] ?? ''] as const);
  return Object.fromEntries(pairs.filter(([, value]) => value !== ''));
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Source: systemd.unit(5), the search path of units. */
function unitPaths(store: Store, { name }: ContainerRecord, { uid }: SessionFacts): { unit: string; link: string } {
  const directory = uid === 0 ? '/etc/systemd/system' : join(dirname(store.config), 'systemd/user');
  const file = unitName(name);
  return { unit: join(directory, file), link: join(directory, `${wantedBy(uid === 0)}.wants`, file) };
}

/** False when the manager cannot be reached: it reads its units when it starts. */
async function reload({ uid, hasSystemd }: SessionFacts): Promise<boolean> {
  const systemctl = findTool('systemctl');
  if (systemctl === undefined || !hasSystemd) return false;
  const scope = uid === 0 ? [] : ['--user'];
  const { code } = await runTool([systemctl, ...scope, 'daemon-reload']);
  return code === 0;
}

function notesFor(
  store: Store,
  record: ContainerRecord,
  { facts, isHeard }: { readonly facts: SessionFacts; readonly isHeard: boolean },
): string[] {
  const control = `systemctl ${facts.uid === 0 ? '' : '--user '}restart ${unitName(record.name)}`;
  return [
    ...(facts.uid === 0 || facts.lingers
      ? []
      : [
          'it is started when you log in; for a start at boot: loginctl enable-linger (ask an admin if that is refused)',
        ]),
    ...(isHeard ? [] : ['your systemd cannot be reached from here; it reads the unit when it starts the next time']),
    ...(runsElsewhere(store, record)
      ? [`it runs already, outside of the unit; to move it there: hutch stop ${record.name} && ${control}`]
      : []),
  ];
}

/** It runs, but its monitor is not in the unit's control group; or it has a scope of its own, and holds on to a login session. */
function runsElsewhere(store: Store, record: ContainerRecord): boolean {
  const { monitor, cgroup, sessionAnchor } = currentState(store, record);
  if (cgroup?.driver === 'systemd') return monitor !== null && (sessionAnchor ?? null) !== null;
  return monitor !== null && controlGroupOf(monitor.pid)?.endsWith(`/${unitName(record.name)}`) === false;
}
