/** `hutch why`: each way in which a container can end. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { eventually } from './processes.ts';
import { assertRefused, hostSkip, makeSandbox, printed } from './sandbox.ts';

describe('why', { skip: hostSkip() }, () => {
  const box = makeSandbox();
  let count = 0;
  /** Runs a container to its end, or until `meanwhile` has ended it, and asks why. */
  const whyAfter = async (
    script: string,
    flags: readonly string[] = [],
    meanwhile: (name: string, id: string) => Promise<void> = () => Promise.resolve(),
  ): Promise<string> => {
    const name = `c${(count += 1)}`;
    const run = ['run', '-d', '--name', name, '--net', 'none', ...flags, 'host', 'sh', '-c', script];
    const id = printed(await box.hutch(run)).trim();
    if (script.includes('ready')) await written(name, 'ready');
    await meanwhile(name, id);
    await box.hutch(['wait', name]);
    return printed(await box.hutch(['why', name]));
  };
  const written = async (name: string, text: string): Promise<void> => {
    for (let tries = 0; tries < 200; tries += 1) if ((await box.hutch(['logs', name])).stdout.includes(text)) return;
    assert.fail(`${name} never wrote ${text}`);
  };
  const WAITS = 'echo ready; sleep 1000';

  it('tells a command that ended by itself, with its last words', async () => {
    const text = await whyAfter('seq 1 30; printf "\\033[31mred"; exit 3');
    assert.match(
      text,
      /^c1 \([0-9a-f]{12}, image host\) ended .* with exit code 3\n {2}why +its command ended by itself with code 3\n/u,
    );
    assert.match(text, /last lines {2}22\n(?: +\d+\n){8} +\ufffd\[31mred\n$/u);
    assert.match(await whyAfter('echo one; echo two', ['-t']), /last lines {2}one\n +two\n$/u);
    assert.match(await whyAfter('exit 0'), /by itself with code 0, which means success/u);
    assert.match(await whyAfter('no-such-program'), /with code 127\n +127 often means: a command was not found/u);
  });

  it('tells why a container that is removed never ran', async () => {
    for (const flags of [[], ['-d'], ['--rm']]) {
      const run = ['run', ...flags, '--name', 'never', '--net', 'none', 'host', 'no-such-program'];
      assertRefused(await box.hutch(run), /"no-such-program" is not in the container/u, 127);
      const text = printed(await box.hutch(['why', 'never']));
      assert.match(
        text,
        /never ran and is removed\n {2}why +it could not be started: "no-such-program" is not in the container\n/u,
      );
    }
  });

  it('tells who sent a signal, if hutch did, and that nobody of hutch did', async () => {
    const killed = await whyAfter(WAITS, [], async (name) => void printed(await box.hutch(['kill', name])));
    assert.match(killed, /why +SIGKILL was sent at \S+ by: hutch kill c\d+\n/u);
    const stopped = await whyAfter('trap "exit 4" TERM; echo ready; while :; do sleep 0.05; done', [], async (name) => {
      printed(await box.hutch(['stop', name]));
    });
    assert.match(stopped, /ended with code 4 after it was asked to\n +SIGTERM was sent at \S+ by: hutch stop c\d+\n/u);
    const deaf = await whyAfter(
      'trap "" TERM; echo ready; while :; do sleep 0.05; done',
      ['--stop-timeout', '1'],
      async (name) => {
        printed(await box.hutch(['stop', name]));
      },
    );
    assert.match(
      deaf,
      /SIGKILL was sent at \S+ by: hutch, 1 s after it was asked to end\n +SIGTERM was sent at \S+ by: hutch stop/u,
    );
    const init = await whyAfter(WAITS, [], (_, id) => {
      const state = JSON.parse(readFileSync(path.join(box.data, 'containers', id, 'state.json'), 'utf8')) as {
        init: { pid: number };
      };
      process.kill(state.init.pid, 'SIGKILL');
      return Promise.resolve();
    });
    assert.match(init, /SIGKILL came from a process in the container or from the host; hutch did not send it/u);
  });

  it('tells that the time was up, and how often it was started again', async () => {
    assert.match(await whyAfter(WAITS, ['--timeout', '1']), /SIGKILL was sent at \S+ by: --timeout 1\n/u);
    const text = await whyAfter('exit 6', ['--restart', 'on-failure:2']);
    assert.match(
      text,
      /restarts +policy on-failure: started again 2 time\(s\) of at most 2\n(?: +\S+ … \S+ with code 6\n){3}/u,
    );
  });

  it('tells that the monitor was killed', async () => {
    const text = await whyAfter(WAITS, [], async (_, id) => {
      const read = () =>
        JSON.parse(readFileSync(path.join(box.data, 'containers', id, 'state.json'), 'utf8')) as {
          monitor: { pid: number } | null;
        };
      process.kill(read().monitor?.pid ?? 0, 'SIGKILL');
      await eventually(() => undefined, 50);
    });
    assert.match(text, /with exit code 137\n {2}why +its monitor was killed by SIGKILL/u);
  });

  it('tells of one that runs, of one that never ran, and what is left of one that was removed', async () => {
    printed(await box.hutch(['run', '-d', '--name', 'up', '--net', 'none', 'host', 'sleep', '1000']));
    assert.match(
      printed(await box.hutch(['why', 'up'])),
      /^up \(.*\) is running, for [^\n]*\n {2}started [^\n]*\n {2}depends on {2}its monitor, process \d+\n/u,
    );
    printed(await box.hutch(['rm', '-f', 'up']));
    assert.match(
      printed(await box.hutch(['why', 'up'])),
      /ended .* with exit code 137 and is removed\n {2}why +SIGKILL was sent at \S+ by: hutch rm -f up/u,
    );
    printed(await box.hutch(['create', '--name', 'bad', '--net', 'none', 'host', 'no-such-command']));
    assert.match(printed(await box.hutch(['why', 'bad'])), /has not run\n {2}why +nobody has started it yet/u);
    await box.hutch(['start', 'bad']);
    const report = JSON.parse(printed(await box.hutch(['why', '--json', 'bad']))) as {
      causes: string[];
      status: string;
    };
    assert.equal(report.status, 'created');
    assert.match(report.causes[0] ?? '', /could not be started: "no-such-command" is not in the container/u);
    assertRefused(await box.hutch(['why', 'nobody']), /there is no container "nobody"/u);
  });
});
