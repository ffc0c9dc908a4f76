/**
 * What another user of the same host has of somebody's containers: nothing. Root plays both; each attempt is repeated by
 * the owner, or without the fence, to show that it could succeed.
 */

import assert from 'node:assert/strict';
import { spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { adoptOrphans, descendant, descendants, remaining } from '../e2e/processes.ts';
import { HUTCH, outcomeOf, type Outcome } from '../e2e/sandbox.ts';
import { readGuess, rememberGuess } from '../../src/monitor/head-start.ts';
import { compileProbe, resultsOf } from './attacker.ts';

const [OWNER, OTHER] = [process.env['HUTCH_TEST_USER'] ?? '', process.env['HUTCH_OTHER_USER'] ?? ''];

function skipReason(): string | false {
  if (process.getuid?.() !== 0) return 'needs root';
  if (OWNER === '' || OTHER === '') return 'HUTCH_TEST_USER and HUTCH_OTHER_USER name no two users';
  return spawnSync('gcc', ['--version']).status === 0 ? false : 'gcc is not installed';
}

/** Serves at ports 8070 and 8071 of every address. */
const TWO_SERVERS = `import socket, threading
def serve(server):
    while True: server.accept()[0].sendall(b"served")
for port in (8070, 8071):
    threading.Thread(target=serve, args=(socket.create_server(("0.0.0.0", port)),)).start()`;

/** Prints "asked" and the ends of its arguments that serve. */
const ASK = `import socket, sys
def serves(end):
    try: return socket.create_connection(end.split(":"), 2).recv(9) == b"served"
    except OSError: return False
print("asked", *filter(serves, sys.argv[1:]))`;

const noSlirp = spawnSync('slirp4netns', ['--version']).status === 0 ? false : 'slirp4netns is not installed';

const idOf = (user: string): number => Number(spawnSync('id', ['-u', user], { encoding: 'utf8' }).stdout);

/** A home of a user in which everybody may look around: what is closed, hutch has closed. */
function makeHome(parent: string, user: string): string {
  const home = path.join(parent, user);
  for (const name of ['.', 'run', 'share']) {
    mkdirSync(path.join(home, name), { recursive: true, mode: 0o755 });
    chownSync(path.join(home, name), idOf(user), idOf(user));
  }
  return home;
}

/** setpriv(1) itself still has root's capabilities when it looks for the program, so a shell looks for it. */
function commandAs(user: string, argv: readonly string[], env: readonly string[]): [string, ...string[]] {
  const become = [
    'setpriv',
    `--reuid=${user}`,
    `--regid=${user}`,
    '--clear-groups',
    '--',
    'bash',
    '-c',
    'exec "$@"',
    'bash',
  ];
  return ['env', '-i', 'PATH=/usr/local/bin:/usr/bin:/bin', 'LANG=C.UTF-8', ...env, ...become, ...argv];
}

describe('another user of the host', { skip: skipReason() }, () => {
  if (skipReason() !== false) return;
  adoptOrphans();
  // Not below /tmp, which some of these tests cover.
  const directory = mkdtempSync('/var/tmp/hutch-others-');
  chmodSync(directory, 0o755);
  const homes = { [OWNER]: makeHome(directory, OWNER), [OTHER]: makeHome(directory, OTHER) };
  const home = (user: string): string => homes[user] ?? '';
  const data = path.join(home(OWNER), 'data');
  const share = path.join(home(OWNER), 'share');
  const probe = path.join(directory, 'probe');
  let pids: string[] = [];
  let payload = 0;
  let container: Promise<Outcome>;

  const environment = (user: string): string[] => [
    `HOME=${home(user)}`,
    `XDG_RUNTIME_DIR=${home(user)}/run`,
    `HUTCH_DATA=${home(user)}/data`,
  ];
  const as = (user: string, argv: readonly string[], env: readonly string[] = environment(user)) => {
    const [program, ...args] = commandAs(user, argv, env);
    return spawnSync(program, args, { encoding: 'utf8', cwd: '/', timeout: 60_000 });
  };
  const reach = (user: string, pid: number | string) => resultsOf(as(user, [probe, 'reach', String(pid)]).stdout);

  before(async () => {
    compileProbe(probe);
    const script = `for place in /opt /share; do cat /share/probe >$place/rooted; chmod 4755 $place/rooted; done; exec sleep 1000`;
    spawnSync('install', ['-m', '0755', probe, path.join(share, 'probe')]);
    const env = [...environment(OWNER), 'PASSWORD=hunter2'];
    const network = spawnSync('slirp4netns', ['--version']).status === 0 ? [] : ['--net', 'none'];
    const flags = ['run', '--name', 'target', '-e', 'PASSWORD', '-v', `${share}:/share`, ...network];
    const [program, ...args] = commandAs(OWNER, [HUTCH, ...flags, 'host', 'sh', '-c', script], env);
    container = outcomeOf(spawn(program, args, { cwd: '/', stdio: ['pipe', 'pipe', 'pipe'] }));
    payload = (await descendant(/^sleep 1000/u)).pid;
    // With the network's helper, which is the last to come, all stay.
    pids = descendants().map(({ pid }) => String(pid));
  });

  after(async () => {
    if (payload !== 0) process.kill(payload, 'SIGKILL');
    await container;
    const left = await remaining();
    rmSync(directory, { recursive: true, force: true });
    assert.equal(left, '');
  });

  it('cannot signal, trace, read or enter any process of a container or of its hutch', () => {
    assert.ok(pids.length >= 5, `only ${pids.length} processes`);
    for (const pid of pids) {
      const results = Object.entries(reach(OTHER, pid));
      assert.equal(results.length, 13);
      const had = results.filter(([, result]) => !['EPERM', 'EACCES'].includes(result));
      assert.deepEqual(had, [], readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' '));
    }
  });

  it('control: the owner can do all of that to the payload', () => {
    const results = reach(OWNER, payload);
    assert.deepEqual([...new Set(Object.values(results))], ['OK'], JSON.stringify(results));
    const environ = as(OWNER, ['cat', `/proc/${payload}/environ`]).stdout;
    assert.ok(environ.includes('PASSWORD=hunter2'));
  });

  it('sees no secret in any command line, nor a variable of any environment', () => {
    const shown = (user: string, file: string): string => as(user, ['sh', '-c', `cat /proc/[0-9]*/${file}`]).stdout;
    assert.ok(!shown(OTHER, 'cmdline').includes('hunter2'));
    assert.ok(!shown(OTHER, 'environ').includes('hunter2'));
    assert.ok(shown(OTHER, 'cmdline').includes('target'), 'control: what the owner has typed is there to be read');
    assert.ok(shown(OWNER, 'environ').includes('hunter2'), 'control: the owner’s own processes have it');
  });

  it('finds nothing of the store and of the run directory, be it a file, a log or a socket', () => {
    const list = (user: string, at: string): SpawnSyncReturns<string> => as(user, ['ls', '-A', at]);
    for (const place of [data, path.join(home(OWNER), 'run/hutch')]) {
      assert.equal(statSync(place).mode & 0o777, 0o700, place);
      assert.notEqual(list(OWNER, place).stdout, '', 'control: there is something');
      const { status, stdout } = list(OTHER, place);
      assert.deepEqual([status, stdout], [2, '']);
      // By their full names too, which root can tell.
      const every = spawnSync('find', [place, '-mindepth', '1', '-not', '-path', '*/l/*'], { encoding: 'utf8' }).stdout;
      const names = every.trim().split('\n');
      assert.ok(names.length > 2);
      const script = 'for name; do if [ -e "$name" ] || [ -L "$name" ]; then echo "$name"; fi; done';
      assert.equal(as(OTHER, ['sh', '-c', script, 'sh', ...names]).stdout, '');
      assert.notEqual(as(OWNER, ['sh', '-c', script, 'sh', ...names]).stdout, '');
    }
  });

  it('cannot run what root in the container has made set-uid, which would make it the owner', () => {
    const inStore = spawnSync('find', [data, '-name', 'rooted', '-perm', '-4000'], { encoding: 'utf8' }).stdout.trim();
    assert.match(inStore, /\/rooted$/u);
    for (const file of [inStore, `/proc/${payload}/root/opt/rooted`]) {
      const { status, stdout } = as(OTHER, [file, 'ids']);
      assert.notEqual(status, 0, file);
      assert.equal(stdout, '');
    }
    // What hutch has warned of when it started: the same file where others can reach it.
    const [own, effective] = as(OTHER, [path.join(share, 'rooted'), 'ids'])
      .stdout.split(' ')
      .map(Number);
    assert.deepEqual([own, effective], [idOf(OTHER), idOf(OWNER)], 'control');
  });

  it('reaches no port of the container but those published', { skip: noSlirp }, () => {
    const serve = ['run', '-d', '--name', 'serves', '-p', '8071', 'host', 'python3', '-c', TWO_SERVERS];
    assert.equal(as(OWNER, [HUTCH, ...serve]).status, 0);
    /** Of these ends of the network those that serve, for who asks there. */
    const served = (user: string, within: readonly string[], ...ends: readonly string[]): string[] =>
      as(user, [...within, 'python3', '-c', ASK, ...ends])
        .stdout.trim()
        .split(' ');
    const [closed, open] = ['8070', '8071'];
    try {
      const inOwn = ['127.0.0.1', '10.0.2.100'].flatMap((host) => [`${host}:${closed}`, `${host}:${open}`]);
      const [, published = ''] = /:(\d+)\n$/u.exec(as(OWNER, [HUTCH, 'port', 'serves', open]).stdout) ?? [];
      const seen = (): string[] => served(OWNER, [HUTCH, 'exec', 'serves'], ...inOwn);
      for (let turn = 0; turn < 50 && seen().length < 5; turn += 1);
      assert.deepEqual(seen(), ['asked', ...inOwn], 'control: both serve in the container itself');
      const onHost = [`127.0.0.1:${closed}`, `127.0.0.1:${open}`, `127.0.0.1:${published}`];
      // What is published at the loopback is everybody's who is on this host: TCP knows no users.
      assert.deepEqual(served(OTHER, [], ...onHost), ['asked', `127.0.0.1:${published}`]);
      const others = [HUTCH, 'run', '--rm', 'host'];
      const gateways = [`10.0.2.2:${open}`, `10.0.2.2:${published}`];
      assert.deepEqual(served(OTHER, others, ...inOwn, ...onHost, ...gateways), ['asked']);
    } finally {
      as(OWNER, [HUTCH, 'rm', '-f', 'serves']);
    }
  });

  it('has not been served by a warning in vain: the volume that others can reach is named', () => {
    const outcome = as(OWNER, [HUTCH, 'run', '--rm', '--net', 'none', '-v', `${share}:/share`, 'host', 'true']);
    assert.match(outcome.stderr, /^hutch: warning: other users of this host can reach \S+\/share: a set-uid file/u);
    chmodSync(share, 0o700);
    const closed = as(OWNER, [HUTCH, 'run', '--rm', '--net', 'none', '-v', `${share}:/share`, 'host', 'true']);
    chmodSync(share, 0o755);
    assert.deepEqual([closed.status, closed.stderr], [0, '']);
  });

  it('neither sees nor removes the container by a hutch of its own, not even with the owner’s places', () => {
    const hutch = (user: string, argv: readonly string[], env?: readonly string[]) => as(user, [HUTCH, ...argv], env);
    assert.equal(hutch(OTHER, ['ps', '-a', '-q']).stdout, '');
    assert.match(hutch(OTHER, ['rm', '-f', 'target']).stderr, /^hutch: there is no container "target"\n/u);
    const places = [`HOME=${home(OTHER)}`, `HUTCH_DATA=${data}`, `XDG_RUNTIME_DIR=${home(OWNER)}/run`];
    for (const argv of [['ps', '-a'], ['rm', '-f', 'target'], ['images'], ['run', '--rm', 'host', 'true']]) {
      const { status, stderr, stdout } = hutch(OTHER, argv, places);
      assert.deepEqual([status, stdout], [125, ''], argv.join(' '));
      assert.match(stderr, /^hutch: [^\n]*(?:not a safe place|cannot read)[^\n]*\n {2}fix: /u, argv.join(' '));
    }
    assert.match(hutch(OWNER, ['ps', '--format', '{{.Names}}']).stdout, /^target\n/u, 'control');
  });

  /** Runs the owner's hutch without a runtime directory, where `plant` has been at work in /tmp as the other user. */
  const withoutRuntimeDirectory = (plant: string): SpawnSyncReturns<string> => {
    const place = `/tmp/hutch-${idOf(OWNER)}`;
    const env = [`HOME=${home(OWNER)}`, `HUTCH_DATA=${data}`];
    const planted = commandAs(OTHER, ['sh', '-c', plant.replaceAll('PLACE', place)], []);
    const owners = commandAs(OWNER, [HUTCH, 'run', '--rm', '--net', 'none', 'host', 'echo', 'ran'], env);
    const script = `mount -t tmpfs -o mode=1777 none /tmp; if [ -d /run/user ]; then mount -t tmpfs none /run/user; fi
${planted.map((word) => `'${word}'`).join(' ')} || exit 1
${owners.map((word) => `'${word}'`).join(' ')}`;
    return spawnSync('unshare', ['--mount', 'sh', '-c', script], { encoding: 'utf8', cwd: '/' });
  };

  it('cannot lay a run directory of its own into the way of the owner’s hutch', () => {
    for (const plant of ['mkdir -m 777 PLACE', 'ln -s /var/tmp PLACE', 'ln -s /no/such PLACE', ': >PLACE']) {
      const { status, stdout, stderr } = withoutRuntimeDirectory(plant);
      assert.deepEqual([status, stdout], [125, ''], plant);
      assert.match(stderr, /^hutch: \/tmp\/hutch-\d+ is not a safe place for hutch: /u, plant);
    }
    assert.deepEqual(withoutRuntimeDirectory('true').stdout, 'ran\n', 'control: nothing is in the way');
  });

  it('cannot have hutch fork on a guess of its own', () => {
    const run = mkdtempSync(path.join(directory, 'guess-'));
    const ids = [{ containerId: 0, hostId: 0, count: 1 }];
    rememberGuess(run, {
      userNamespace: { uidMap: ids, gidMap: ids, writer: 'self' },
      hasTime: true,
      hasHelper: false,
    });
    assert.notEqual(readGuess(run), undefined, 'control');
    chownSync(path.join(run, 'head-start'), idOf(OTHER), idOf(OTHER));
    assert.equal(readGuess(run), undefined);
  });
});
