/** `hutch run -t`: the terminal of the container and the one of the caller. A Python script plays the person at the keyboard. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertRefused, containerTraces, hostSkip, HUTCH, makeSandbox, outcomeOf } from './sandbox.ts';

type Step = readonly ['expect' | 'type', string] | readonly ['resize', number, number] | readonly ['signal', number];

interface Played {
  readonly code: number;
  readonly output: string;
  readonly missing: string | null;
  readonly restored: boolean;
}

const PLAYER = path.join(import.meta.dirname, 'terminal.py');
const RUN = ['run', '--rm', '--net', 'none'];
const CONTROL_C = '\u0003';
const CONTROL_D = '\u0004';

function terminalSkip(): string | false {
  const { status } = spawnSync('python3', ['-c', 'import os; os.waitstatus_to_exitcode']);
  return hostSkip() !== false ? hostSkip() : status === 0 ? false : 'python3 is not installed';
}

describe('hutch run -t', { skip: terminalSkip() }, () => {
  const box = makeSandbox();

  async function play(
    argv: readonly string[],
    script: readonly Step[] = [],
    stdin: 'tty' | 'null' = 'tty',
  ): Promise<Played> {
    const child = spawn('python3', [PLAYER], {
      cwd: box.directory,
      env: { ...box.env, TERM: 'xterm-256color', NO_COLOR: '1' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const played = JSON.stringify({ size: [33, 99], argv: argv[0] === 'env' ? argv : [HUTCH, ...argv], stdin, script });
    const { stdout, stderr } = await outcomeOf(child, played);
    assert.equal(stderr, '');
    return JSON.parse(stdout) as Played;
  }

  async function playWell(argv: readonly string[], script: readonly Step[] = [], code = 0): Promise<string> {
    const played = await play(argv, script);
    assert.deepEqual({ ...played, output: '' }, { code, output: '', missing: null, restored: true }, played.output);
    return played.output;
  }

  it('keeps a terminal that nobody has open for a moment', async () => {
    const script = 'exec </dev/null >/dev/null 2>&1; sleep 0.3; echo back >/dev/console';
    assert.equal(await playWell([...RUN, '-it', 'host', 'sh', '-c', script]), 'back\r\n');
  });

  it('gives all three streams the same terminal, which is the container’s own', async () => {
    const script =
      'tty; for fd in 0 1 2; do test -t $fd && echo "fd $fd"; done; ls -l /proc/self/fd/2 | sed "s/.* -> //"; ls /dev/pts';
    const output = await playWell([...RUN, '-it', 'host', 'sh', '-c', script]);
    assert.equal(output, '/dev/pts/0\r\nfd 0\r\nfd 1\r\nfd 2\r\n/dev/pts/0\r\n0  ptmx\r\n');
  });

  it('makes it the controlling terminal of the command, and passes TERM on', async () => {
    const output = await playWell([...RUN, '-it', 'host', 'sh', '-c', 'echo "on $TERM" >/dev/tty']);
    assert.equal(output, 'on xterm-256color\r\n');
  });

  it('starts with the size of the caller’s window and follows it', async () => {
    const script = 'trap "stty size" WINCH; stty size; echo ready; for i in $(seq 100); do sleep 0.1; done';
    await playWell(
      [...RUN, '-it', 'host', 'sh', '-c', script],
      [
        ['expect', '33 99'],
        ['expect', 'ready'],
        ['resize', 41, 123],
        ['expect', '41 123'],
        ['resize', 20, 60],
        ['expect', '20 60'],
        ['type', CONTROL_C],
      ],
      130,
    );
  });

  it('gets its modes back also when the monitor is killed', async () => {
    const killer = `kill -9 "$("$0" inspect --format '{{.State.MonitorPid}}' doomed)"`;
    const run = `"$0" run --rm -it --name doomed --net none host sh -c 'echo up; exec sleep 100'; stty -a`;
    const output = await play(['env', 'sh', '-c', `(until ${killer}; do sleep 0.2; done) 2>/dev/null & ${run}`, HUTCH]);
    assert.match(output.output, /[^-]icanon/u);
    assert.deepEqual([output.missing, output.restored], [null, true], output.output);
  });

  it('lets Ctrl-C end the foreground job of a shell, and not the shell, and Ctrl-D end the shell', async () => {
    const output = await playWell(
      [...RUN, '-it', '-e', 'PS1=type> ', 'host', 'bash', '--norc', '-i'],
      [
        ['expect', 'type> '],
        // Without exec a signal between the fork of sleep(1) and its start would be lost to both.
        ['type', 'sh -c "printf %s-%s in foreground; exec sleep 100"\n'],
        ['expect', 'in-foreground'],
        ['type', CONTROL_C],
        ['expect', '^C'],
        // What is typed before the shell has the terminal back is thrown away with the rest of the input.
        ['expect', 'type> '],
        ['type', 'echo "status $?" alive\n'],
        ['expect', 'status 130 alive'],
        ['type', 'exit 7\n'],
      ],
      7,
    );
    assert.match(output, /status 130 alive/u);
    await playWell(
      [...RUN, '-it', 'host', 'sh', '-c', 'echo ready; exec cat'],
      [
        ['expect', 'ready'],
        ['type', 'word\n'],
        ['expect', 'word\r\nword\r\n'],
        ['type', CONTROL_D],
      ],
    );
  });

  it('keeps keys unchanged: neither the caller’s terminal nor hutch edits or echoes them', async () => {
    const script = 'stty raw -echo; echo ready; head -c 4 | od -An -tx1';
    await playWell(
      [...RUN, '-it', 'host', 'sh', '-c', script],
      [
        ['expect', 'ready'],
        ['type', `\u0003\u001a\u0011\r`],
        ['expect', '03 1a 11 0d'],
      ],
    );
  });

  it('ends lines by \\r\\n, and by \\n without -t', async () => {
    assert.equal(await playWell([...RUN, '-t', 'host', 'echo', 'a']), 'a\r\n');
    const { stdout } = await box.hutch([...RUN, '-t', 'host', 'echo', 'a']);
    assert.equal(stdout, 'a\r\n', 'with -t into a pipe');
    assert.equal((await box.hutch([...RUN, 'host', 'echo', 'a'])).stdout, 'a\n');
  });

  it('shows all of a large output before it ends', async () => {
    const output = await playWell([...RUN, '-it', 'host', 'seq', '1', '20000']);
    const expected = Array.from({ length: 20_000 }, (_, index) => `${index + 1}\r\n`).join('');
    assert.equal(output.length, expected.length);
    assert.equal(output, expected);
  });

  it('restores the caller’s terminal when a signal ends hutch', async () => {
    const played = await play(
      [...RUN, '-it', 'host', 'sh', '-c', 'trap "exit 130" INT; echo ready; while :; do sleep 0.1; done'],
      [
        ['expect', 'ready'],
        ['signal', constants.signals.SIGHUP],
        ['signal', constants.signals.SIGTERM],
        ['type', CONTROL_C],
      ],
    );
    assert.deepEqual([played.missing, played.restored], [null, true], played.output);
  });

  it('restores the caller’s terminal after a command that cannot run', async () => {
    const output = await playWell([...RUN, '-it', 'host', 'no-such-command'], [], 127);
    assert.match(output, /^hutch: "no-such-command" is not in the container\r\n/u);
  });

  it('is refused together with -i when stdin is no terminal', async () => {
    assertRefused(
      await box.hutch([...RUN, '-it', 'host', 'true'], { input: 'piped' }),
      /^hutch: -t with -i needs a terminal, but stdin is none\n {2}fix: leave out -t /u,
    );
    const { code, output } = await play([...RUN, '-it', 'host', 'true'], [], 'null');
    assert.deepEqual([code, output.includes('needs a terminal')], [125, true]);
  });

  describe('as a job of a shell', () => {
    const bash = ['bash', '--norc', '--noprofile', '-i'];
    // What the shell echoes of a command is told from what the command prints by the quotes.
    const cat = `${HUTCH} run -i --rm --net none host sh -c 'echo re"ad"y; exec cat'`;

    function playJobs(script: readonly Step[]): Promise<Played> {
      return play(['env', 'PS1=type> ', ...bash], [['expect', 'type> '], ...script, ['type', 'exit 7\n']]);
    }

    it('leaves the keys to the shell while it is in the background, where it stops, and reads them in the foreground', async () => {
      const played = await playJobs([
        ['type', `${cat} &\n`],
        ['expect', 'ready\r'],
        ['type', '\n'],
        ['expect', 'Stopped'],
        ['type', 'echo ke"ys" of the shell\n'],
        ['expect', 'keys of the shell'],
        ['type', 'fg\n'],
        ['expect', 'exec cat'],
        ['type', 'word\n'],
        ['expect', 'word\r\nword\r\n'],
        ['type', CONTROL_D],
        ['expect', 'type> '],
      ]);
      assert.deepEqual([played.code, played.missing], [7, null], played.output);
    });

    it('lets go of the keys at Ctrl-Z until it is in the foreground again', async () => {
      const played = await playJobs([
        ['type', `${cat}\n`],
        ['expect', 'ready\r'],
        ['type', 'one\n'],
        ['expect', 'one\r\none\r\n'],
        ['type', '\u001a'],
        ['expect', 'Stopped'],
        ['expect', 'type> '],
        ['type', 'echo ke"ys" of the shell\n'],
        ['expect', 'keys of the shell'],
        ['type', 'fg\n'],
        ['expect', 'exec cat'],
        ['type', 'two\n'],
        ['expect', 'two\r\ntwo\r\n'],
        ['type', CONTROL_D],
        ['expect', 'type> '],
      ]);
      assert.deepEqual([played.code, played.missing], [7, null], played.output);
    });
  });

  it('leaves no container behind', async () => {
    await sleep(0);
    assert.deepEqual(containerTraces(box), []);
  });
});
