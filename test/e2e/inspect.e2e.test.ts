/** `hutch inspect`: what it says of containers and images, in the form that scripts for docker read. */

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { busyboxSkip } from './busybox-archive.ts';
import { BUSYBOX, hostSkip, importBusybox, makeSandbox, printed } from './sandbox.ts';

const skip = hostSkip() || busyboxSkip();

describe('hutch inspect', { skip }, () => {
  const box = makeSandbox();
  const shared = path.join(box.directory, 'shared');
  const field = async (template: string, ...words: readonly string[]): Promise<string> =>
    printed(await box.hutch(['inspect', '-f', template, ...words]));

  before(async () => {
    await importBusybox(box);
    mkdirSync(shared);
    const flags = ['--net', 'none', '-e', 'A=b', '-l', 'role=web', '-v', `${shared}:/shared:ro`, '-w', '/tmp'];
    const more = ['--tmpfs', '/cache:size=1m', '--cap-drop', 'KILL', '--stop-signal', 'USR1', '-h', 'inside'];
    const restart = ['--restart', 'on-failure:3'];
    printed(await box.hutch(['run', '-d', '--name', 'web', ...flags, ...more, ...restart, BUSYBOX, 'sleep', '1000']));
    printed(await box.hutch(['run', '--name', 'over', '--net', 'none', BUSYBOX, 'sh', '-c', 'exit 7']), 7);
  });

  it('has the fields that scripts for docker read, also where there is nothing to say', async () => {
    const address = '{{range .NetworkSettings.Networks}}[{{.IPAddress}}]{{end}}';
    const fields = `${address}{{.GraphDriver.Name}}|{{.AppArmorProfile}}|{{.ExecIDs}}|{{.HostConfig.Dns}}`;
    assert.match(await field(fields, 'over'), /^\[\](?:overlay|fuse-overlayfs|vfs)\|\|<no value>\|\[\]\n$/u);
  });

  it('knows networks, and says when the beginning of an id fits several containers', async () => {
    printed(await box.hutch(['network', 'create', 'mesh']));
    assert.equal(await field('{{.Name}} {{.Scope}}', 'mesh'), 'mesh local\n');
    assert.equal(await field('{{.Name}}', '--type', 'network', 'mesh'), 'mesh\n');
    assert.equal((await box.hutch(['inspect', '--type', 'network', 'web'])).code, 1);
    printed(await box.hutch(['network', 'rm', 'mesh']));
  });

  it('shows the embedded image, which image exists says is there', async () => {
    for (const words of [['inspect'], ['image', 'inspect'], ['inspect', '--type', 'image']]) {
      const shown = printed(await box.hutch([...words, '-f', '{{.RepoTags}} {{.Id}}|{{.Config.Cmd}}|{{.Os}}', 'host']));
      assert.equal(shown, '[host] |[sh]|linux\n', words.join(' '));
    }
    printed(await box.hutch(['image', 'exists', 'host']));
  });

  it('gives one array for all names, in the form of docker', async () => {
    const outcome = await box.hutch(['inspect', 'web', 'over']);
    const [web, over] = JSON.parse(printed(outcome)) as [
      { readonly Id: string; readonly State: { readonly Pid: number; readonly StartedAt: string } },
      object,
    ];
    assert.match(web.Id, /^[0-9a-f]{64}$/u);
    assert.partialDeepStrictEqual(web, {
      Name: 'web',
      Path: 'sleep',
      Args: ['1000'],
      ImageName: BUSYBOX,
      RestartCount: 0,
      State: { Status: 'running', Running: true, Paused: false, OOMKilled: false, ExitCode: 0, Error: '' },
      Config: {
        Hostname: 'inside',
        Cmd: ['sleep', '1000'],
        Image: BUSYBOX,
        WorkingDir: '/tmp',
        Labels: { role: 'web' },
        StopSignal: 'SIGUSR1',
        Tty: false,
      },
      HostConfig: {
        Binds: [`${shared}:/shared:ro`],
        NetworkMode: 'none',
        RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
        CapAdd: [],
        CapDrop: ['CAP_KILL'],
        Privileged: false,
        AutoRemove: false,
        ShmSize: 64 * 1024 * 1024,
      },
      Mounts: [{ Type: 'bind', Source: shared, Destination: '/shared', RW: false }],
      NetworkSettings: { Ports: {}, Networks: { none: {} } },
    });
    assert.ok(Math.abs(Date.parse(web.State.StartedAt) - Date.now()) < 3_600_000);
    assert.match(readFileSync(`/proc/${String(web.State.Pid)}/cmdline`, 'utf8'), /^sleep\0/u);
    assert.partialDeepStrictEqual(over, { State: { Status: 'exited', Running: false, Pid: 0, ExitCode: 7 } });
  });

  it('fills templates, also ranges over what is nested', async () => {
    assert.equal(await field('{{.State.Status}} {{.State.Running}}', 'web', 'over'), 'running true\nexited false\n');
    assert.equal(await field('{{range .Mounts}}{{.Destination}}{{end}}', 'web'), '/shared\n');
    assert.equal(await field('{{index .Config.Labels "role"}}', 'web'), 'web\n');
    assert.match(await field('{{json .Config.Env}}', 'web'), /"A=b"/u);
    assert.match(await field('{{json .HostConfig.Tmpfs}}', 'web'), /^\{"\/cache":"[^"]*size=1048576/u);
  });

  it('measures what a container has written when it is asked to', async () => {
    assert.match(await field('{{.SizeRw}} {{.SizeRootFs}}', '-s', 'over'), /^\d+ \d{7,}\n$/u);
    const [whole] = JSON.parse(printed(await box.hutch(['inspect', 'over']))) as object[];
    assert.ok(whole !== undefined && !('SizeRw' in whole));
  });

  it('finds images too, and keeps to one kind with --type', async () => {
    const id = await field('{{.Id}}', BUSYBOX);
    assert.match(id, /^sha256:/u);
    assert.equal(await field('{{.Image}}', 'web'), id, 'a container names the id of its image');
    assert.equal(await field('{{.Id}}', '--type', 'image', BUSYBOX), id);
    assert.equal((await box.hutch(['inspect', '--type', 'container', BUSYBOX])).code, 1);
    assert.equal((await box.hutch(['inspect', '--type', 'image', 'web'])).code, 1);
    assert.equal((await box.hutch(['inspect', '--type', 'pod', 'web'])).code, 125);
    assert.equal((await box.hutch(['container', 'inspect', BUSYBOX])).code, 1);
    assert.equal(printed(await box.hutch(['container', 'inspect', '-f', '{{.Name}}', 'over'])), 'over\n');
  });

  it('prints an empty array, an error and ends with 1 for an unknown name; known ones are printed all the same', async () => {
    const none = await box.hutch(['inspect', 'nobody']);
    assert.deepEqual([none.code, none.stdout], [1, '[]\n']);
    assert.match(none.stderr, /^hutch: there is no container, no image and no network "nobody"\n {2}fix: .*\n$/u);
    const some = await box.hutch(['inspect', '-f', '{{.Name}}', 'nobody', 'web', '../x']);
    assert.deepEqual([some.code, some.stdout], [1, 'web\n']);
    assert.match(some.stderr, /"nobody"[^]*"\.\.\/x"/u);
  });

  it('says why a container is down whose monitor was killed', async () => {
    const monitor = Number(await field('{{.State.MonitorPid}}', 'web'));
    process.kill(monitor, 'SIGKILL');
    for (let tries = 0; tries < 500 && (await field('{{.State.Running}}', 'web')) === 'true\n'; tries += 1);
    assert.equal(
      await field('{{.State.Status}} {{.State.ExitCode}} {{.State.Error}}', 'web'),
      'exited 137 its monitor was killed\n',
    );
    printed(await box.hutch(['rm', 'web', 'over']));
  });
});
