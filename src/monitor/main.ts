/** PROGRAM monitor: looks after one container that was made before, `monitor ID [--await-client]`; on the host's side, in a session of its own. */
import { closeSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodeOf } from '../errors/exit-codes.ts';
import { HutchError, isHutchError } from '../errors/hutch-error.ts';
import { identifyProcess } from '../host/process-identity.ts';
import type { Plan } from '../plan/step.ts';
import { REPORT_FD, type StartReport } from '../protocol/start-report.ts';
import { containerDirectory, readContainer, type ContainerRecord } from '../state/container-record.ts';
import { currentState, isBusy } from '../state/container-state.ts';
import { readJsonFile } from '../state/json-file.ts';
import { enterRunning, leaveRunning } from '../state/running-list.ts';
import { locateStore, type Store } from '../state/store.ts';
import { openSyscalls } from '../syscall/syscalls.ts';
import { ContainerMonitor } from './container-monitor.ts';
import { nameMonitor } from './monitor-title.ts';
import { prepareAgain } from './prepare-again.ts';
import { shedMemoryLater } from './shed-memory.ts';

/** How long a client that wants to see all of the output may take to come. */
const CLIENT_MS = 10_000;

let isReporting = true;

function report(message: StartReport): void {
  if (!isReporting) return;
  try {
    writeSync(REPORT_FD, `${JSON.stringify(message)}\n`);
  } catch {
    // Whoever has started us is gone; the container is what matters.
  }
}

function endReports(): void {
  if (isReporting) closeSync(REPORT_FD);
  isReporting = false;
}

async function main(id: string, awaitsClient: boolean): Promise<number> {
  const store = locateStore();
  const identity = identifyProcess(process.pid);
  if (identity === undefined || !(await enterRunning(store, id, identity))) throw taken(id);
  const { record, plan } = readWhole(store, id);
  if (isBusy(currentState(store, record))) throw taken(id);
  await prepareAgain(store, id, plan);
  const syscalls = openSyscalls();
  nameMonitor(record.name);
  const monitor = new ContainerMonitor({
    store,
    record,
    plan,
    identity,
    syscalls: () => syscalls,
    isNew: false,
    isLogged: true,
    onRunning: () => {
      report({ report: 'started' });
      endReports();
      shedMemoryLater();
    },
    onStep: null,
  });
  if (awaitsClient) await awaitClient(monitor);
  const code = await monitor.live();
  // A client has heard how it ended; whoever only waits for the start has to be told that there was none.
  if (!awaitsClient) report({ report: 'failed', ...endedEarly(record) });
  return code;
}

/** What is said when nothing was reported before: it never ran, and yet nothing failed. */
function endedEarly({ name }: ContainerRecord): { code: string; message: string; hint: string } {
  return {
    code: 'CONTAINER_STOPPED',
    message: `container "${name}" was stopped or removed by somebody else before it ran`,
    hint: 'see `hutch ps -a`, and start it again',
  };
}

/** A container that could not be started stays as it was; it is ours no longer. Without a record it has been removed meanwhile. */
function readWhole(store: Store, id: string): { record: ContainerRecord; plan: Plan } {
  const record = readContainer(store, id);
  const plan = readJsonFile(join(containerDirectory(store, id), 'plan.json')) as Plan | undefined;
  if (record !== undefined && plan !== undefined) return { record, plan };
  leaveRunning(store, id);
  if (record === undefined) throw removed(id);
  throw new HutchError(`container ${id.slice(0, 12)} is not whole: its plan is missing`, {
    code: 'RECORD_CORRUPT',
    hint: 'remove it with hutch rm, and make it again',
  });
}

function removed(id: string): HutchError {
  return new HutchError(`there is no container "${id.slice(0, 12)}" any more`, {
    code: 'CONTAINER_UNKNOWN',
    hint: 'see `hutch ps -a` for those that are there',
    context: { container: id },
  });
}

async function awaitClient(monitor: ContainerMonitor): Promise<void> {
  monitor.listen();
  report({ report: 'awaits_client' });
  const patience = new Promise<void>((resolve) => setTimeout(resolve, CLIENT_MS).unref());
  await Promise.race([monitor.clientAttached(), patience]);
}

function taken(id: string): HutchError {
  return new HutchError(`container ${id.slice(0, 12)} is running, or being started or removed by somebody else`, {
    code: 'CONTAINER_RUNNING',
    hint: 'see `hutch ps -a`',
  });
}

const [id = '', flag] = process.argv.slice(2);
main(id, flag === '--await-client').then(
  (code) => process.exit(code),
  (error: unknown) => {
    const isKnown = isHutchError(error);
    const message = error instanceof Error ? error.message : String(error);
    report({
      report: 'failed',
      code: isKnown ? error.code : 'BUG',
      message,
      hint: (isKnown ? error.hint : null) ?? null,
    });
    process.exit(exitCodeOf(error));
  },
);
