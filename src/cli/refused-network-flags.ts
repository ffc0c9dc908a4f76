/** Flags of docker's and podman's `network create` and `network connect` that hutch has nothing for, with the reason of each; CLI process. */
import { HutchError } from '../errors/hutch-error.ts';
import { Flags } from './base-command.ts';

interface Refusal {
  /** Completes "cannot be had: ". */
  readonly reason: string;
  readonly instead: string;
  /** Values that ask for what is so anyway. */
  readonly isNothing?: readonly string[];
  /** It takes no value. */
  readonly isSwitch?: true;
}

const ONE_HOST: Refusal = { reason: 'networks of hutch are those of one user on one host', instead: 'leave it out' };
const NAME_SERVER: Refusal = {
  reason: 'the name server of a network is at its gateway, and answers for all its containers',
  instead: 'give --dns to the containers: whom it asks what it does not know itself',
};

const CREATE: Readonly<Record<string, Refusal>> = {
  scope: { ...ONE_HOST, isNothing: ['local'] },
  'config-from': ONE_HOST,
  'config-only': { ...ONE_HOST, isSwitch: true },
  ingress: { ...ONE_HOST, isSwitch: true },
  'disable-dns': { ...NAME_SERVER, isSwitch: true },
  'aux-address': {
    reason: 'nothing but containers and the gateway has addresses of a network',
    instead: 'keep addresses free by --ip-range, which says from where they are given out',
  },
  'ipam-driver': {
    reason: 'hutch gives out the addresses itself',
    instead: 'leave it out; --subnet, --gateway and --ip-range say which',
    isNothing: ['default', 'host-local'],
  },
  'ipam-opt': { reason: 'hutch gives out the addresses itself', instead: 'leave it out' },
  dns: NAME_SERVER,
  'interface-name': {
    reason: 'the bridge is in a network namespace that no other program looks into',
    instead: 'leave it out',
  },
  route: {
    reason: 'containers have a route to their networks, and one to all else',
    instead: 'leave it out; --internal makes a network without a way out',
  },
  opt: { reason: 'networks of hutch have no options', instead: 'leave it out', isNothing: ['isolate=true'] },
};

const CONNECT: Readonly<Record<string, Refusal>> = {
  link: {
    reason: 'docker itself keeps it for old containers only',
    instead: 'leave it out: containers on one network find each other by their names, and by --alias',
  },
  'link-local-ip': { reason: 'hutch gives out link-local addresses itself', instead: 'leave it out' },
  'driver-opt': { reason: 'networks of hutch have no options', instead: 'leave it out' },
  'gw-priority': {
    reason: 'the way out is by the first network that has one',
    instead: 'disconnect the networks, and connect that one first',
    isNothing: ['0'],
  },
};

const LOOK = { description: 'refused: hutch does not have it', hidden: true };
const CHARS: Readonly<Record<string, { readonly char: 'o' }>> = { opt: { char: 'o' } };

const refused = (refusals: Readonly<Record<string, Refusal>>) =>
  Object.fromEntries(
    Object.entries(refusals).map(([name, { isSwitch }]) => [
      name,
      isSwitch === true ? Flags.boolean(LOOK) : Flags.string({ ...LOOK, ...CHARS[name], multiple: true }),
    ]),
  );

const nothing = Flags.boolean({ description: 'changes nothing: it is so anyway', hidden: true });

export const REFUSED_CREATE_FLAGS = refused(CREATE);
export const REFUSED_CONNECT_FLAGS = refused(CONNECT);
/** Of `network create`: any container may be put on a network, and each has IPv4. */
export const IDLE_CREATE_FLAGS = { attachable: nothing, ipv4: nothing };

/** USAGE_INVALID for the first that asks for anything, with the reason and what there is instead. */
export function refuseNetworkFlags(flags: Readonly<Record<string, unknown>>): void {
  for (const [name, { reason, instead, isNothing = [] }] of Object.entries({ ...CREATE, ...CONNECT }))
    for (const value of [flags[name] as boolean | string[] | undefined].flat()) {
      if (value === undefined || value === false || isNothing.includes(String(value))) continue;
      const word = value === true ? `--${name}` : `--${name} ${value}`;
      throw new HutchError(`${word} cannot be had: ${reason}`, {
        code: 'USAGE_INVALID',
        hint: instead,
        context: { flag: `--${name}`, value },
      });
    }
}
