/** Flags of docker's and podman's that scripts use: what each does, seen from within, and what is refused. */

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { assertRefused, hostSkip, makeSandbox, printed } from './sandbox.ts';

describe('--mount', { skip: hostSkip() }, () => {
  const box = makeSandbox();
  const data = path.join(box.directory, 'a,b');
  mkdirSync(data);

  it('binds a directory, quoted for its comma, read-only when that is asked for', async () => {
    const flag = (more: string): string => `type=bind,"src=${data}",target=/mnt${more}`;
    const script = 'echo x >/mnt/new && cat /mnt/new';
    assert.equal(printed(await box.inHost(script, '--mount', flag(''))), 'x\n');
    const refused = await box.inHost(script, '--mount', flag(',readonly'));
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /Read-only/u);
  });

  it('mounts a tmpfs of a size, beside another mount', async () => {
    const flags = ['--mount', 'type=tmpfs,dst=/mnt,tmpfs-size=1m,tmpfs-mode=700', '--mount', 'type=tmpfs,dst=/media'];
    const script = 'stat -c %a /mnt /media; stat -f -c %T /mnt; head -c 2000000 /dev/zero >/mnt/big';
    const outcome = await box.inHost(script, ...flags);
    assert.equal(outcome.stdout, '700\n1777\ntmpfs\n');
    assert.match(outcome.stderr, /No space left/u);
  });

  it('refuses what it cannot do with what there is instead', async () => {
    assertRefused(await box.inHost('true', '--mount', 'type=volume,src=x,dst=/x'), /type=volume cannot be had/u);
    assertRefused(await box.inHost('true', '--mount', 'type=bind,src=/nowhere,dst=/x'), /\/nowhere does not exist/u);
    assertRefused(
      await box.inHost('true', '--tmpfs', '/mnt', '--mount', 'type=tmpfs,dst=/mnt'),
      /"\/mnt" for -v, --tmpfs or --mount/u,
    );
  });
});

describe('flags of podman’s', { skip: hostSkip() }, () => {
  const box = makeSandbox();
  const run = (...flags: readonly string[]) => box.hutch(['run', '--net', 'none', ...flags]);
  const inspect = async (format: string): Promise<string> =>
    printed(await box.hutch(['inspect', '--format', format, 'web'])).trim();

  it('--replace removes the container of that name, also one that runs, and none when something is wrong', async () => {
    const first = printed(await run('-d', '--name', 'web', 'host', 'sleep', '1000')).trim();
    assertRefused(await run('-d', '--name', 'web', 'host', 'true'), /in use/u);
    assertRefused(await run('-d', '--replace', '--name', 'web', '-w', 'x', 'host', 'true'), /for -w/u);
    assert.equal(await inspect('{{.Id}} {{.State.Status}}'), `${first} running`);
    const second = printed(await run('-d', '--replace', '--name', 'web', 'host', 'sleep', '1000')).trim();
    assert.notEqual(second, first);
    assert.equal(await inspect('{{.Id}} {{.State.Status}}'), `${second} running`);
    assertRefused(await run('-d', '--replace', 'host', 'true'), /needs a --name/u);
    assert.equal(
      printed(await box.hutch(['ps', '-aq']))
        .trim()
        .split('\n').length,
      1,
    );
  });

  it('--pidfile has the pid of each start, --annotation is in inspect and in the spec', async () => {
    const file = path.join(box.directory, 'pid');
    const flags = ['-d', '--replace', '--name', 'web', '--pidfile', 'pid', '--annotation', 'org.example.a=b=c'];
    printed(await run(...flags, 'host', 'sleep', '1000'));
    assert.equal(await inspect('{{.State.Pid}}'), readFileSync(file, 'utf8').trim());
    assert.equal(await inspect('{{index .Config.Annotations "org.example.a"}} {{.PidFile}}'), `b=c ${file}`);
    const before = readFileSync(file, 'utf8');
    printed(await box.hutch(['restart', '-t', '0', 'web']));
    assert.notEqual(readFileSync(file, 'utf8'), before);
    assert.equal(await inspect('{{.State.Pid}}'), readFileSync(file, 'utf8').trim());
    printed(await box.hutch(['rm', '-f', 'web']));
    assertRefused(await run('--pidfile', 'no/pid', 'host', 'true'), /cannot write --pidfile no\/pid: ENOENT/u);
    assertRefused(await run('--annotation', 'org.hutch.landlock=false', 'host', 'true'), /hutch's own/u);
  });

  it('--tz sets the clock of the container, and refuses what is no zone', async () => {
    assert.equal(printed(await run('--rm', '--tz', 'Asia/Tokyo', 'host', 'date', '+%Z %z')), 'JST +0900\n');
    assert.equal(printed(await run('--rm', '--tz', 'local', 'host', 'date', '+%z')).length, 6);
    assertRefused(await run('--rm', '--tz', 'Mars/Base', 'host', 'true'), /unknown time zone "Mars\/Base"/u);
    assertRefused(await run('--rm', '--tz', '../../../etc/passwd', 'host', 'true'), /unknown time zone/u);
  });

  it('--oom-score-adj holds for the command and for what exec adds, and goes up only', async () => {
    const read = 'cat /proc/self/oom_score_adj';
    const own = Number(readFileSync('/proc/self/oom_score_adj', 'utf8'));
    const more = String(own + 300);
    const script = `${read}; exec sleep 1000`;
    printed(await run('-d', '--name', 'web', '--oom-score-adj', more, 'host', 'sh', '-c', script));
    assert.equal(printed(await box.hutch(['exec', 'web', ...read.split(' ')])), `${more}\n`);
    assert.equal(printed(await box.hutch(['logs', 'web'])), `${more}\n`);
    assert.equal(await inspect('{{.HostConfig.OomScoreAdj}}'), more);
    printed(await box.hutch(['rm', '-f', 'web']));
    assertRefused(await run('--oom-score-adj', String(own - 1), 'host', 'true'), /only root may go below/u);
  });

  it('--domainname is the NIS domain of the container alone', async () => {
    const script = 'cat /proc/sys/kernel/domainname';
    const before = readFileSync('/proc/sys/kernel/domainname', 'utf8');
    assert.equal(printed(await box.inHost(script, '--domainname', 'lab.example')), 'lab.example\n');
    assert.equal(readFileSync('/proc/sys/kernel/domainname', 'utf8'), before);
    assertRefused(await box.inHost(script, '--domainname', 'a', '--uts', 'host'), /for --domainname/u);
  });

  it('-a shows the streams that it names and no others, which the log has all the same', async () => {
    const script = 'echo out; echo err >&2; cat; exit 3';
    const attached = (...flags: readonly string[]) =>
      box.hutch(['run', '--net', 'none', ...flags, 'host', 'sh', '-c', script], { input: 'in\n' });
    const seen = async (...flags: readonly string[]) => {
      const { code, stdout, stderr } = await attached(...flags);
      return [code, stdout, stderr];
    };
    assert.deepEqual(await seen('--rm', '-a', 'stdout'), [3, 'out\n', '']);
    assert.deepEqual(await seen('--rm', '-i', '-a', 'STDIN', '-a', 'stderr'), [3, '', 'err\n']);
    assert.deepEqual(await seen('--rm', '-i', '-a', 'stdin,stdout,stderr'), [3, 'out\nin\n', 'err\n']);
    const silent = await attached('--name', 'web', '-i', '-a', 'stdin');
    assert.equal(silent.stdout.trim(), await inspect('{{.Id}}'));
    assert.equal((await box.hutch(['logs', 'web'])).stdout, 'out\nin\n');
    printed(await box.hutch(['rm', 'web']));
    assertRefused(await attached('-d', '-a', 'stdout'), /--attach and --detach contradict/u);
    assertRefused(await attached('-a', 'output'), /invalid value "output" for --attach/u);
  });

  it('create -a is remembered: stdin is for one client only where that was to be connected', async () => {
    const kept = async (...words: readonly string[]): Promise<string> => {
      const id = printed(await box.hutch([...words, 'host', 'cat'])).trim();
      const [config] = JSON.parse(printed(await box.hutch(['inspect', id]))) as [
        { Config: Record<'AttachStdin' | 'AttachStdout' | 'AttachStderr' | 'StdinOnce', boolean> },
      ];
      const { AttachStdin, AttachStdout, AttachStderr, StdinOnce } = config.Config;
      printed(await box.hutch(['rm', '-f', id]));
      return [AttachStdin, AttachStdout, AttachStderr, StdinOnce].map(Number).join('');
    };
    const create = ['create', '--net', 'none'];
    assert.equal(await kept(...create), '0110');
    assert.equal(await kept(...create, '-i'), '1111');
    assert.equal(await kept(...create, '-i', '--attach', 'stdout'), '0100');
    assert.equal(await kept(...create, '-i', '-a', 'STDIN,stderr'), '1011');
    assert.equal(await kept('run', '-d', '-i', '--net', 'none'), '0000');
    assertRefused(await box.hutch([...create, '-a', 'stdlog', 'host', 'true']), /invalid value "stdlog" for --attach/u);
    assert.equal(printed(await box.hutch(['ps', '-aq'])), '');
  });

  it('--no-hosts leaves /etc/hosts to the image', async () => {
    const script = 'cat /etc/hosts';
    assert.equal(printed(await box.inHost(script, '--no-hosts')), readFileSync('/etc/hosts', 'utf8'));
    assert.match(printed(await box.inHost(script, '--name', 'web')), /web/u);
    assertRefused(await box.inHost(script, '--no-hosts', '--add-host', 'a:1.2.3.4'), /for --add-host/u);
  });

  it('what hutch has nothing for is refused with the reason, and --userns=host is what is so', async () => {
    assertRefused(await run('--gpus', 'all', 'host', 'true'), /^hutch: --gpus all cannot be had: .*\n.*--device/u);
    assertRefused(await run('--rootfs', '/', 'true'), /--rootfs cannot be had/u);
    assertRefused(await box.hutch(['create', '--userns', 'keep-id', 'host']), /--userns keep-id cannot be had/u);
    assertRefused(await box.hutch(['plan', 'run', '--link', 'a:b', 'host']), /--link a:b cannot be had/u);
    assert.equal(printed(await run('--rm', '--userns=host', 'host', 'id', '-u')), '0\n');
  });
});

describe('commands about one container', { skip: hostSkip() }, () => {
  const box = makeSandbox();
  const text = async (...argv: readonly string[]): Promise<string> => printed(await box.hutch(argv)).trim();

  it('mean the newest with --latest, and do without its name', async () => {
    assertRefused(await box.hutch(['exec', '-l', 'true']), /no container that --latest could mean/u);
    const script = 'echo hello; exec sleep 1000';
    await text('run', '-d', '--net', 'none', '--name', 'old', 'host', 'sleep', '1000');
    await text('run', '-d', '--net', 'none', '--name', 'new', 'host', 'sh', '-c', script);
    assert.equal(await text('exec', '-l', 'cat', '/etc/hostname'), await text('exec', 'new', 'cat', '/etc/hostname'));
    assert.equal(await text('logs', '-l', '--names'), 'hello');
    assert.match(await text('top', '-l', '--', '-o', 'pid,args'), /sleep 1000/u);
    assert.equal(await text('port', '-l'), '');
    assertRefused(await box.hutch(['exec', '-l']), /^hutch: hutch exec needs COMMAND/u);
    assertRefused(await box.hutch(['exec']), /^hutch: hutch exec needs CONTAINER and COMMAND/u);
    assertRefused(await box.hutch(['logs', '-l', 'old']), /chosen in two ways/u);
    assertRefused(await box.hutch(['attach']), /needs CONTAINER/u);
  });

  it('port --all has the ports of all, each after its id', async () => {
    const id = await text('run', '-d', '-q', '-p', '127.0.0.1::80', 'host', 'sleep', '1000');
    assert.match(await text('port', '-a'), new RegExp(`^${id.slice(0, 12)}\\t80/tcp -> 127\\.0\\.0\\.1:\\d+$`, 'u'));
    assertRefused(await box.hutch(['port', '-a', 'old']), /chosen in two ways/u);
    await text('rm', '-f', id);
  });

  it('wait --condition waits for a state that is not the end, too', async () => {
    assertRefused(await box.hutch(['wait', '--condition', 'running', '-i', '20ms', 'later']), /no container "later"/u);
    const id = await text('create', '--net', 'none', '--name', 'later', 'host', 'sh', '-c', 'sleep 1000');
    assert.equal(await text('wait', '--condition', 'created,exited', 'later'), '-1');
    const running = text('wait', '--condition', 'running', '--interval', '20', 'later');
    await text('start', id);
    assert.equal(await running, '-1');
    const ended = text('wait', '--condition=stopped', 'later');
    await text('kill', 'later');
    assert.equal(await ended, '137');
    assertRefused(await box.hutch(['wait', '--condition', 'happy', 'later']), /"happy" for --condition/u);
  });

  it('say what docker and podman are asked for', async () => {
    const version = await text('version', '--format', '{{.Version}}');
    assert.equal(await text('version', '--format', '{{.Client.Version}} {{.Server.Version}}'), `${version} ${version}`);
    assert.equal(await text('ps', '-aq', '--filter', 'is-task=true'), '');
    assert.equal(await text('ps', '-aq', '--filter', 'is-task=false'), await text('ps', '-aq'));
    const format = ['--format', '{{.ID}}', '--filter', 'container=old', '--filter', 'event=create'];
    const events = ['events', '--since', '1h', '--until', '0s', ...format];
    const id = await text('inspect', '--format', '{{.Id}}', 'old');
    assert.equal(await text(...events, '--no-trunc'), id);
    assert.equal(await text(...events, '--no-trunc=false'), id.slice(0, 12));
    await text('rm', '-f', '-a');
  });
});
