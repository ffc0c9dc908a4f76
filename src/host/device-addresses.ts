/** Which addresses a device in a container's network namespace has (ip(8)); on the host's side, by nsenter(1) into its namespaces. */
import { HutchError } from '../errors/hutch-error.ts';
import { runInNetwork } from './network-queues.ts';

interface Described {
  readonly addr_info?: readonly { readonly local?: string }[];
}

/** All addresses of `device` in the network namespace of host process `pid`, IPv4 and IPv6. HOST_TOOL_MISSING, HOST_TOOL_FAILED with ip's own words. */
export async function readAddresses(pid: number, device: string): Promise<string[]> {
  const { code, stdout, stderr } = await runInNetwork(pid, ['ip', '-json', 'address', 'show', 'dev', device]);
  const addresses = code === 0 ? parseAddresses(stdout) : undefined;
  if (addresses !== undefined) return addresses;
  throw new HutchError(
    `ip could not tell the addresses of ${device} of process ${String(pid)}: ${stderr.trim() || 'no JSON'}`,
    {
      code: 'HOST_TOOL_FAILED',
      hint: 'the container may have ended; else see whether its iproute2 is older than 4.14, which knows no JSON',
      context: { pid, device },
    },
  );
}

/** Pure: what ip has printed; undefined when it is no such list. */
export function parseAddresses(text: string): string[] | undefined {
  const list = parsed(text);
  if (!Array.isArray(list)) return undefined;
  return (list as readonly Described[]).flatMap(({ addr_info: addresses = [] }) =>
    addresses.flatMap(({ local }) => (local === undefined ? [] : [local])),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
