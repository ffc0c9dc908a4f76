/** What hutch asks of a systemd manager: a scope of its own, and processes moved into one; on the host's side. Source: org.freedesktop.systemd1(5). */
import { setTimeout as sleep } from 'node:timers/promises';
import { HutchError } from '../../../errors/hutch-error.ts';
import { managerSockets } from '../../../host/probe/cgroup.ts';
import type { CgroupSetting } from '../../../oci/cgroup-settings.ts';
import { DbusError, openConnection, type Connection } from './dbus-connection.ts';
import type { DbusValue, Message } from './dbus-message.ts';

const DESTINATION = 'org.freedesktop.systemd1';
const MANAGER = 'org.freedesktop.systemd1.Manager';
const PATH = '/org/freedesktop/systemd1';
const NO_LIMIT = 0xffff_ffff_ffff_ffffn;

const JOB_TIMEOUT_MS = 30_000;
/** A scope of the same name may be on its way out: its last process has just ended. */
const NAME_TIMEOUT_MS = 5000;
const LOOK_AGAIN_MS = 20;

export interface ScopeRequest {
  /** Ends in `.scope`. */
  readonly unit: string;
  /** Ends in `.slice`. */
  readonly slice: string;
  readonly description: string;
  /** Host pids; a scope cannot begin without. */
  readonly processes: readonly number[];
  /** How long its processes have to end when somebody stops it, before they are killed. */
  readonly stopTimeoutSeconds: number;
  /** What systemd has to know of, as it would put another value back. */
  readonly settings: readonly CgroupSetting[];
}

/** A connection to the manager of the calling user. */
export class Manager implements Disposable {
  private readonly connection: Connection;
  private readonly isBus: boolean;
  /** A bus wants to be greeted first; its answer tells nothing. */
  private readonly greeted: Promise<unknown>;

  constructor(connection: Connection, isBus: boolean) {
    this.connection = connection;
    this.isBus = isBus;
    this.greeted = isBus ? connection.call({ ...BUS, member: 'Hello' }) : Promise.resolve();
    this.greeted.catch(() => undefined);
  }

  [Symbol.dispose](): void {
    this.connection[Symbol.dispose]();
  }

  /** Makes a delegated scope with these processes in it; resolves when it stands. CGROUP_FAILED with systemd's own words. */
  async startScope(request: ScopeRequest): Promise<void> {
    const job = this.watchJob(request.unit);
    try {
      // All of it at once: a connection keeps the order, and each answer would cost a way there and back.
      await Promise.all([this.greeted, ...this.subscribe(), this.start(request)]);
      const result = await job.ended;
      if (result !== 'done') throw failed(`systemd could not start ${request.unit}: ${result}`);
    } catch (error) {
      throw inWords(error, `systemd could not start ${request.unit}`);
    } finally {
      job[Symbol.dispose]();
    }
  }

  /** Whether it keeps this process alive. */
  hold(isHeld: boolean): void {
    this.connection.hold(isHeld);
  }

  /** Moves processes into a cgroup of a scope, such as `/payload`. CGROUP_FAILED. */
  async attach(unit: string, subCgroup: string, processes: readonly number[]): Promise<void> {
    try {
      await this.call('AttachProcessesToUnit', 'ssau', [unit, subCgroup, processes]);
    } catch (error) {
      throw inWords(error, `systemd could not move process ${processes.join(', ')} into ${unit}`);
    }
  }

  /** Changes a unit until it ends. CGROUP_FAILED. */
  async setProperties(unit: string, settings: readonly CgroupSetting[]): Promise<void> {
    try {
      await this.call('SetUnitProperties', 'sba(sv)', [unit, true, settings.flatMap(propertyOf)]);
    } catch (error) {
      throw inWords(error, `systemd could not change ${unit}`);
    }
  }

  /** Its state, such as `active` or `deactivating`; null when there is no such unit. */
  async unitState(unit: string): Promise<string | null> {
    const [found] = await this.call('ListUnitsByNames', 'as', [[unit]]);
    const [first] = (found ?? []) as readonly (readonly DbusValue[])[];
    const isLoaded = first?.[2] === 'loaded';
    return isLoaded ? String(first[3]) : null;
  }

  private subscribe(): Promise<unknown>[] {
    const own = this.call('Subscribe', '', []);
    if (!this.isBus) return [own];
    const rule = `type='signal',sender='${DESTINATION}',interface='${MANAGER}',member='JobRemoved'`;
    return [own, this.onBus('AddMatch', 's', [rule])];
  }

  private async start(request: ScopeRequest): Promise<void> {
    const deadline = Date.now() + NAME_TIMEOUT_MS;
    let properties = scopeProperties(request);
    const needed = properties.length - 1;
    for (;;) {
      try {
        await this.call('StartTransientUnit', 'ssa(sv)a(sa(sv))', [request.unit, 'fail', properties, []]);
        return;
      } catch (error) {
        const isTaken = error instanceof DbusError && error.errorName.endsWith('.UnitExists');
        if (isTaken && Date.now() < deadline) await this.makeWay(request.unit);
        else if (properties.length > needed && isUnknownProperty(error)) properties = properties.slice(0, needed);
        else throw error;
      }
    }
  }

  /** A scope that has failed keeps its name until somebody resets it. */
  private async makeWay(unit: string): Promise<void> {
    await this.call('ResetFailedUnit', 's', [unit]).catch(() => undefined);
    await sleep(LOOK_AGAIN_MS);
  }

  private call(member: string, signature: string, body: readonly DbusValue[]): Promise<readonly DbusValue[]> {
    const address = { destination: DESTINATION, path: PATH, interface: MANAGER, member };
    return this.connection.call(signature === '' ? address : { ...address, signature, body });
  }

  private onBus(member: string, signature: string, body: readonly DbusValue[]): Promise<readonly DbusValue[]> {
    return this.connection.call({ ...BUS, member, signature, body });
  }

  private watchJob(unit: string): Disposable & { readonly ended: Promise<string> } {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    promise.catch(() => undefined);
    const timer = setTimeout(
      () => reject(failed(`systemd has not started ${unit} within ${String(JOB_TIMEOUT_MS / 1000)} s`)),
      JOB_TIMEOUT_MS,
    );
    const listener = this.connection.onSignal((signal) => {
      if (isEndOfJob(signal, unit)) resolve(String(signal.body[3]));
    });
    return {
      ended: promise,
      [Symbol.dispose]: () => {
        clearTimeout(timer);
        listener[Symbol.dispose]();
      },
    };
  }
}

const BUS = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
} as const;

/** JobRemoved(id, job, unit, result). */
function isEndOfJob({ interface: from, member, body }: Message, unit: string): boolean {
  return from === MANAGER && member === 'JobRemoved' && body[2] === unit;
}

/**
 * systemd would set TasksMax by itself (15 % of what the host has), and from version 253 on would end everything after the first kill
 * for lack of memory, so both are said. What older ones do not know comes last.
 */
function scopeProperties(request: ScopeRequest): readonly DbusValue[] {
  return [
    ['Description', ['s', request.description]],
    ['Slice', ['s', request.slice]],
    ['PIDs', ['au', request.processes]],
    ['Delegate', ['b', true]],
    ['TasksMax', ['t', NO_LIMIT]],
    ['CollectMode', ['s', 'inactive-or-failed']],
    ['TimeoutStopUSec', ['t', BigInt(request.stopTimeoutSeconds) * 1_000_000n]],
    ...request.settings.flatMap(propertyOf),
    ['OOMPolicy', ['s', 'continue']],
  ];
}

/** A setting as a property of a unit; nothing for what systemd has no word for. Source: systemd.resource-control(5). */
function propertyOf({ file, value }: CgroupSetting): DbusValue[] {
  const name = PROPERTIES[file];
  const number = value.replace('default ', '');
  if (name === undefined || !/^(?:max|\d+)$/u.test(number)) return [];
  return [[name, ['t', number === 'max' ? NO_LIMIT : BigInt(number)]]];
}

const PROPERTIES: Readonly<Record<string, string>> = {
  'cpu.weight': 'CPUWeight',
  'io.weight': 'IOWeight',
  'memory.low': 'MemoryLow',
};

function isUnknownProperty(error: unknown): boolean {
  return (
    error instanceof DbusError && /PropertyReadOnly|Cannot set property/u.test(`${error.errorName} ${error.message}`)
  );
}

/** The user's manager by its bus, else by its own socket. CGROUP_FAILED when none answers. */
export async function openManager(env = process.env, uid = process.getuid?.() ?? 0): Promise<Manager> {
  const sockets = managerSockets(env, uid);
  let cause: unknown;
  for (const path of sockets) {
    try {
      return await managerAt(path, uid);
    } catch (error) {
      cause = error;
    }
  }
  const words = cause instanceof Error ? `: ${cause.message}` : '';
  throw failed(`no systemd of uid ${String(uid)} answers${words}`, cause);
}

/** The manager behind one socket; exported for tests. */
export async function managerAt(path: string, uid: number): Promise<Manager> {
  return new Manager(await openConnection(path, uid), !path.endsWith('/private'));
}

/** Whether systemd is ending a unit; false when that cannot be found out. */
export async function isStopping(unit: string): Promise<boolean> {
  try {
    using manager = await openManager();
    return (await manager.unitState(unit)) === 'deactivating';
  } catch {
    return false;
  }
}

let warm: Promise<Manager> | undefined;

/** Opens a connection that takeManager() hands out later, and that does not keep this process alive; false when no systemd answers. */
export async function warmManager(): Promise<boolean> {
  warm ??= openManager();
  try {
    (await warm).hold(false);
    return true;
  } catch {
    warm = undefined;
    return false;
  }
}

/** As openManager(); the connection that is open already, if there is one. */
export async function takeManager(): Promise<Manager> {
  const taken = warm ?? openManager();
  warm = undefined;
  const manager = await taken;
  manager.hold(true);
  return manager;
}

function inWords(error: unknown, what: string): unknown {
  return error instanceof DbusError ? failed(`${what}: ${error.message}`, error) : error;
}

function failed(message: string, cause?: unknown): HutchError {
  return new HutchError(message, {
    code: 'CGROUP_FAILED',
    hint: 'see `systemctl --user status` and `hutch doctor`, or run without limits by --cgroup-driver none',
    cause,
  });
}
