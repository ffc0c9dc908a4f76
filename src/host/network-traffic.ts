/** What has passed by the network devices of a process's network namespace; on the host's side, reads only. Source: proc_pid_net(5). */
import { readFileSync } from 'node:fs';

export interface DeviceTraffic {
  readonly name: string;
  readonly received: Traffic;
  readonly sent: Traffic;
}

export interface Traffic {
  readonly bytes: number;
  readonly packets: number;
  readonly errors: number;
  readonly drops: number;
}

/** All devices that `pid` sees, lo too; null when it is gone. Its own user and others may read it, wherever it is. */
export function readTraffic(pid: number): DeviceTraffic[] | null {
  try {
    return parseTraffic(readFileSync(`/proc/${String(pid)}/net/dev`, 'utf8'));
  } catch {
    return null;
  }
}

/** Pure: the lines of /proc/PID/net/dev behind its two of headings. */
export function parseTraffic(text: string): DeviceTraffic[] {
  return [...text.matchAll(/^ *([^\s:|]\S*): *(\d[\d ]*)$/gmu)].map(([, name = '', numbers = '']) => {
    const values = numbers.trim().split(/ +/u).map(Number);
    return { name, received: traffic(values.slice(0, 4)), sent: traffic(values.slice(8, 12)) };
  });
}

function traffic([bytes = 0, packets = 0, errors = 0, drops = 0]: readonly number[]): Traffic {
  return { bytes, packets, errors, drops };
}
