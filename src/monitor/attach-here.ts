/** `hutch attach`, `start -a`: this process's streams become a client of a monitor elsewhere; in the CLI process. */
import { constants } from 'node:os';
import { openSyscalls, type Syscalls } from '../syscall/syscalls.ts';
import type { ControlClient } from './control-client.ts';
import { LocalClient } from './local-client.ts';
import type { Attachment } from './monitor-here.ts';
import { hearSignals } from './signals.ts';

export type Parting = { readonly kind: 'detached' } | { readonly kind: 'ended'; readonly code: number | null };

/**
 * Connects the user until the container ends, the detach keys are typed, or a signal comes that is not passed on. The code is null when the monitor went without telling it; null
 * instead of a parting: the monitor did not answer at all.
 */
export async function attachHere(control: ControlClient, attachment: Attachment): Promise<Parting | null> {
  const answer = await control.ask({ request: 'attach', stdin: attachment.stdin });
  if (answer?.event !== 'attached') return null;
  let bound: Syscalls | undefined;
  const detached = Promise.withResolvers<Parting>();
  const client = new LocalClient({
    ...attachment,
    stdin: attachment.stdin && answer.interactive,
    terminal: answer.terminal,
    syscalls: () => (bound ??= openSyscalls()),
    payload: control,
    onDetach: () => {
      detached.resolve({ kind: 'detached' });
    },
  });
  // Without keys there is no other way out of a container's terminal than Ctrl-C.
  const isProxied = attachment.sigProxy && (attachment.stdin || !answer.terminal);
  using _signals = hearSignals((signal) => {
    if (isProxied) proxy(control, signal);
    else if (signal !== 'SIGCONT') detached.resolve({ kind: 'ended', code: 128 + constants.signals[signal] });
  });
  control.client = client;
  client.connected();
  const ended = control.ended.then((code): Parting =>
    control.isLetGo ? { kind: 'detached' } : { kind: 'ended', code },
  );
  const parting = await Promise.race([ended, detached.promise]);
  await client.end();
  return parting;
}

function proxy(control: ControlClient, signal: NodeJS.Signals): void {
  control.send({ request: 'signal', signal: constants.signals[signal] });
}
