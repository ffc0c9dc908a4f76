/** The error for a limit whose controller this user does not have, with who can do what about it; pure. */
import { HutchError } from '../../errors/hutch-error.ts';

const NEVER: Readonly<Record<string, string>> = {
  hugetlb: 'systemd delegates no controller for huge pages to users',
  rdma: 'systemd delegates no controller for RDMA to users',
  misc: 'systemd delegates no controller "misc" to users',
  devices: 'cgroup v2 limits devices by BPF programs, which only root may load',
};

export const DELEGATE = 'cpu cpuset io memory pids';

/** LIMIT_UNAVAILABLE; USAGE_INVALID for what is no controller. `controllers`: those that there are. */
export function notDelegated(flag: string, controller: string, controllers: readonly string[]): HutchError {
  const never = NEVER[controller];
  if (never !== undefined)
    return unavailable(`${flag} cannot be had by an ordinary user: ${never}`, 'leave it out', controller);
  if (!DELEGATE.split(' ').includes(controller)) return unknown(flag, controller);
  const list = controllers.length === 0 ? 'none' : controllers.join(' ');
  return unavailable(
    `${flag} needs the controller ${controller}, and those delegated here are: ${list}`,
    `an admin writes "[Service]" and "Delegate=${DELEGATE}" into /etc/systemd/system/user@.service.d/delegate.conf and runs systemctl daemon-reload; then you: systemctl --user daemon-reexec (or log out and in)`,
    controller,
  );
}

function unknown(flag: string, controller: string): HutchError {
  return new HutchError(`${flag}: there is no controller "${controller}"`, {
    code: 'USAGE_INVALID',
    hint: `use a file of one of these: ${DELEGATE}; they are listed in cgroups(7) and in the kernel's cgroup-v2.rst`,
    context: { controller },
  });
}

function unavailable(message: string, hint: string, controller: string): HutchError {
  return new HutchError(message, { code: 'LIMIT_UNAVAILABLE', hint, context: { controller } });
}
