/** What tests need whose subject ends connections of others: a kernel that does so. */
import { spawnSync } from 'node:child_process';

/** Whether the kernel ends connections, those in TIME_WAIT too, on demand. */
export function endSkip(): string | false {
  const script = [
    'ip link set lo up',
    `python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 7)); c = socket.create_connection(("127.0.0.1", 7)); s.accept()[0].close(); c.close()'`,
    'test -n "$(ss -Htn state time-wait)" && ss -K -Htn state time-wait >/dev/null && test -z "$(ss -Htn state time-wait)"',
  ].join('\n');
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` };
  const { status } = spawnSync('unshare', ['-Urn', 'sh', '-c', script], { env });
  return status === 0 ? false : 'this kernel ends no connections on demand (CONFIG_INET_DIAG_DESTROY)';
}
