/** Names that a user network does not know: asked of `--dns` or of the host's name server, with search domains; a server of our own answers them. */

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { networkSkip } from './network-answers.ts';
import { hostSkip, makeSandbox, printed, type Outcome } from './sandbox.ts';
import { world } from './world.ts';

const SERVER = readFileSync(path.join(import.meta.dirname, 'name-server.py'), 'utf8');

describe('names of the outside on networks of the user', { skip: hostSkip() || networkSkip() }, () => {
  after(() => box.hutch(['rm', '-f', 'upstream', 'silent', 'neighbour']));
  const box = makeSandbox();
  const servers = { upstream: '', silent: '' };
  const hutch = async (...argv: readonly string[]): Promise<string> => printed(await box.hutch(argv)).trim();
  /** What name servers were asked since the last look, as `udp NAME`. */
  const seen = { upstream: 0, silent: 0 };
  const asked = async (name: keyof typeof servers): Promise<string[]> => {
    const lines = (await hutch('logs', name)).split('\n').slice(1);
    const fresh = lines.slice(seen[name]);
    seen[name] = lines.length;
    return fresh;
  };
  const within = (flags: readonly string[], script: string): Promise<Outcome> =>
    box.hutch(['run', '--rm', '--net', 'web', ...flags, 'host', 'sh', '-c', script]);
  const addresses = async (flags: readonly string[], name: string): Promise<string[]> => {
    const { stdout } = await within(flags, `getent ahostsv4 ${name} | awk '/STREAM/ { print $1 }'`);
    return stdout.split('\n').filter((line) => line !== '');
  };

  before(async () => {
    // A way out is what makes questions go on.
    await hutch('network', 'create', 'web');
    for (const name of ['upstream', 'silent'] as const) {
      await hutch('run', '-d', '--name', name, '--net', 'web', 'host', 'python3', '-c', SERVER, name);
      for (let turn = 0; !(await hutch('logs', name)).includes('ready'); turn += 1) assert.ok(turn < 200);
      servers[name] = await hutch('inspect', '-f', '{{.NetworkSettings.Networks.web.IPAddress}}', name);
    }
    await hutch('run', '-d', '--name', 'neighbour', '--net', 'web', 'host', 'sleep', '1000');
  });

  it('are asked of --dns, and completed by --dns-search where they have no dot', async () => {
    const flags = ['--dns', servers.upstream, '--dns-search', 'corp.test'];
    assert.deepEqual(await addresses(flags, 'db.corp.test'), ['192.0.2.10']);
    assert.deepEqual(await addresses(flags, 'db'), ['192.0.2.10']);
    assert.deepEqual(await addresses(['--dns', servers.upstream], 'db'), [], 'control: without a search domain');
    assert.ok((await asked('upstream')).includes('udp db.corp.test'));
  });

  it('that do not exist are an answer, not a silence', async () => {
    const { code } = await within(['--dns', servers.upstream], 'getent hosts nope.corp.test');
    assert.equal(code, 2);
    const script =
      'import socket\ntry: socket.gethostbyname("nope.corp.test")\nexcept socket.gaierror as e: print(e.errno == socket.EAI_NONAME)';
    const argv = ['run', '--rm', '--net', 'web', '--dns', servers.upstream, 'host', 'python3', '-c', script];
    assert.equal(await hutch(...argv), 'True');
  });

  it('with more addresses than a datagram takes come over TCP', async () => {
    await asked('upstream');
    const found = await addresses(['--dns', servers.upstream], 'big.corp.test');
    assert.equal(new Set(found).size, 200);
    assert.deepEqual(
      [...new Set(await asked('upstream'))].filter((line) => line.includes('big')),
      ['udp big.corp.test', 'tcp big.corp.test'],
    );
  });

  it('go to the next --dns where the first does not answer', async () => {
    await asked('silent');
    const flags = ['--dns', servers.silent, '--dns', servers.upstream];
    assert.deepEqual(await addresses(flags, 'db.corp.test'), ['192.0.2.10']);
    assert.ok((await asked('silent')).includes('udp db.corp.test'), 'control: it was asked');
  });

  it('do not keep those of the network waiting for a server that is silent', async () => {
    const flags = ['--dns', servers.silent, '--dns-search', 'corp.test'];
    await asked('silent');
    const own = await hutch('inspect', '-f', '{{.NetworkSettings.Networks.web.IPAddress}}', 'neighbour');
    // Together with many questions that wait.
    const script = [
      'for n in 1 2 3 4 5 6 7 8; do getent ahostsv4 lost$n.corp.test & done >/dev/null',
      // Not `getent hosts`: that asks for IPv6 alone at first, finds none, and tries the search domain.
      'getent ahosts neighbour',
      'kill $(jobs -p)',
    ].join('\n');
    assert.match((await within(flags, script)).stdout, new RegExp(`^${own.replaceAll('.', '\\.')}\\s`, 'u'));
    const questions = await asked('silent');
    assert.ok(
      questions.some((line) => line.includes('lost')),
      'control',
    );
    assert.deepEqual(
      questions.filter((line) => line.includes('neighbour')),
      [],
      'it would have waited for that',
    );
  });

  it('are asked as --dns-option says', async () => {
    await asked('upstream');
    const flags = ['--dns', servers.upstream, '--dns-option', 'use-vc'];
    assert.deepEqual(await addresses(flags, 'db.corp.test'), ['192.0.2.10']);
    const questions = (await asked('upstream')).filter((line) => line.includes('db'));
    assert.deepEqual([...new Set(questions)], ['tcp db.corp.test']);
  });

  it('go to the name server of the host, with its search domains, where nothing is given', async () => {
    const resolver = box.file('resolv.conf', 'search corp.test\nnameserver 127.0.0.1\n');
    const server = box.file('server.py', SERVER);
    const log = path.join(box.directory, 'server.log');
    const wrapper = world({
      hasNetwork: true,
      setup: [
        'ip link set lo up',
        `mount --bind ${resolver} /etc/resolv.conf`,
        `setpriv --pdeathsig KILL python3 ${server} local >${log} 2>&1 &`,
        `until grep -q ready ${log}; do sleep 0.1; done`,
      ].join('\n'),
    });
    // A hub of its own: the other one lives in another network namespace.
    const other = path.join(box.directory, 'other-run');
    const argv = ['run', '--rm', '--net', 'web', 'host', 'getent', 'ahostsv4', 'db'];
    mkdirSync(other, { mode: 0o700 });
    const { stdout, stderr } = await box.hutch(argv, { wrapper, env: { XDG_RUNTIME_DIR: other } });
    assert.match(stdout, /^192\.0\.2\.10\s/u, stderr);
    assert.match(readFileSync(log, 'utf8'), /^udp db\.corp\.test$/mu);
  });
});
