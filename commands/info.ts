/** `hutch info`: runs in the CLI process. */

import { Flags, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/errors/exit-codes.ts';
import { VERSION } from '../src/cli/version.ts';
import type { HostDescription } from '../src/engine/system/describe-host.ts';

export default class Info extends HutchCommand {
  static override description = 'What does not work is named here in a word; `hutch doctor` says why and what to do.';
  static override examples = ['<%= config.bin %> info', "<%= config.bin %> info --format '{{.Storage.Driver}}'"];
  static override flags = {
    json: Flags.boolean({ description: 'print everything as JSON' }),
    format: Flags.string({ char: 'f', description: 'json, or a Go template such as {{.Kernel}}' }),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Info);
    const { describeHost } = await import('../src/engine/system/describe-host.ts');
    const host = await describeHost();
    const format = flags.json ? 'json' : flags.format;
    if (format === undefined) {
      for (const [name, text] of rowsOf(host)) this.print(`${name.padEnd(13)} ${text}`);
      return EXIT_OK;
    }
    const { formatOne } = await import('../src/cli/format/format-rows.ts');
    this.print(formatOne(format, { Version: VERSION, Node: process.versions.node, ...host }));
    return EXIT_OK;
  }
}

function rowsOf(host: HostDescription): [string, string][] {
  const { Directories: places, Security: security, Cgroup: cgroup } = host;
  return [
    ['version', `${VERSION} (node ${process.versions.node})`],
    ['host', `${host.Distribution}, Linux ${host.Kernel}, ${host.Architecture}`],
    ['resources', `${host.Processors} processors, ${(host.MemoryBytes / 1024 ** 3).toFixed(1)} GiB of memory`],
    ['user', `${host.User.Name} (uid ${host.User.Uid}, gid ${host.User.Gid})`],
    ['ids', describeIds(host.Ids)],
    ['storage', describeStorage(host.Storage)],
    ['network', `${host.Network.Driver} ${host.Network.Version ?? ''}`.trim()],
    [
      'cgroups',
      `${cgroup.Version}, ${cgroup.Controllers.join(' ') || 'no controllers'}, ${cgroup.Manager ?? 'no systemd of the user'}`,
    ],
    ['seccomp', security.Seccomp ? 'yes' : 'no'],
    ['landlock', security.Landlock],
    ['modules', security.Modules.join(' ') || 'none'],
    ['selinux', security.Selinux],
    ['apparmor', security.ApparmorRestrictsUserns ? 'restricts user namespaces' : 'does not restrict user namespaces'],
    ['data', places.Data],
    ['config', places.Config],
    ['run', places.Run],
    ['containers', String(host.Containers)],
    ['images', String(host.Images)],
  ];
}

function describeIds({ UidMap, ReducedBecause }: HostDescription['Ids']): string {
  const extents = UidMap.map(
    ({ containerId, hostId, count }) => `${containerId} is ${hostId}${count > 1 ? ` (${count} ids)` : ''}`,
  );
  return `${extents.join(', ')}${ReducedBecause === null ? '' : `; only one, because ${ReducedBecause}`}`;
}

function describeStorage({ Driver, Tried, Problem }: HostDescription['Storage']): string {
  if (Driver === null) return `none: ${Problem ?? ''}`;
  const passed = Tried.filter(({ ok }) => !ok).map(({ name, reason }) => `; ${name} does not work: ${reason}`);
  return `${Driver}${passed.join('')}`;
}
