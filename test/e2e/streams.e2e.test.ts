/** `hutch run` without a terminal: stdin, stdout and stderr, byte by byte, slow and large and closed early. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { containerTraces, hostSkip, HUTCH, makeSandbox, outcomeOf, printed, type Child } from './sandbox.ts';

const RUN = ['run', '--rm', '--net', 'none'];
const MEBIBYTE = 1024 * 1024;

/** Length and SHA-256 of a process's stdout; `delayMs` is slept after each chunk until 4 MiB have come. */
async function digestOf(child: Child, delayMs = 0): Promise<{ bytes: number; digest: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    hash.update(chunk);
    if (delayMs > 0 && bytes < 4 * MEBIBYTE) await sleep(delayMs);
  }
  return { bytes, digest: hash.digest('hex') };
}

describe('the streams of hutch run', { skip: hostSkip() }, () => {
  const box = makeSandbox();

  it('keep stdout and stderr apart', async () => {
    const { code, stdout, stderr } = await box.inHost('echo out; echo err >&2; exit 3');
    assert.deepEqual({ code, stdout, stderr }, { code: 3, stdout: 'out\n', stderr: 'err\n' });
  });

  it('give the command an empty stdin without -i', async () => {
    const outcome = await box.hutch([...RUN, 'host', 'sh', '-c', 'wc -c'], { input: 'not for the container' });
    assert.equal(printed(outcome), '0\n');
  });

  it('pass stdin on with -i, and its end', async () => {
    const outcome = await box.hutch([...RUN, '-i', 'host', 'sh', '-c', 'cat; echo end'], { input: 'one\ntwo' });
    assert.equal(printed(outcome), 'one\ntwoend\n');
  });

  it('change no byte on the way in and out', async () => {
    const input = Buffer.concat([
      Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
      randomBytes(20 * MEBIBYTE),
    ]);
    const child = box.start([...RUN, '-i', 'host', 'cat']);
    child.stdin.end(input);
    const expected = createHash('sha256').update(input).digest('hex');
    assert.deepEqual(await digestOf(child), { bytes: input.length, digest: expected });
  });

  it('lose nothing of 100 MB that the command writes as fast as it can', async () => {
    const [bytes, script] = [100_000_000, 'yes 0123456789abcdef | head -c 100000000'];
    const expected = spawnSync('sh', ['-c', `${script} | sha256sum`], { encoding: 'utf8' }).stdout.slice(0, 64);
    const child = box.start([...RUN, 'host', 'sh', '-c', script]);
    assert.deepEqual(await digestOf(child), { bytes, digest: expected });
  });

  it('lose nothing when the reader is slow, and do not collect it all in memory', async () => {
    const child = box.start([...RUN, 'host', 'sh', '-c', 'yes | head -c 64000000; echo written >&2']);
    let isWritten = false;
    child.stderr.on('data', () => (isWritten = true));
    await sleep(1000);
    assert.equal(isWritten, false, 'the command could write 64 MB although nobody has read a byte');
    const expected = spawnSync('sh', ['-c', 'yes | head -c 64000000 | sha256sum'], { encoding: 'utf8' });
    assert.deepEqual(await digestOf(child, 5), { bytes: 64_000_000, digest: expected.stdout.slice(0, 64) });
  });

  it('lose nothing of what the command writes just before it ends', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { stdout, stderr } = await box.inHost('head -c 200000 /dev/zero; head -c 100000 /dev/zero >&2');
      assert.deepEqual([stdout.length, stderr.length], [200_000, 100_000]);
    }
  });

  it('lose nothing in a pipe of the shell, however late it is read', () => {
    const script = `"$0" run --rm --net none host sh -c 'head -c 3000000 /dev/zero; echo end; echo end >&2' | (sleep 1; cat)`;
    const { status, stdout, stderr } = spawnSync('bash', ['-o', 'pipefail', '-c', script, HUTCH], {
      encoding: 'latin1',
      env: box.env,
      cwd: box.directory,
      timeout: 20_000,
      maxBuffer: 4_000_000,
    });
    assert.deepEqual([status, stdout.length, stdout.slice(-5), stderr], [0, 3_000_004, '\0end\n', 'end\n']);
  });

  it('end a command that writes for ever when its reader goes away', () => {
    const script = `"$0" run --rm --net none host sh -c 'yes; echo "status $?" >&2' | head -n 1`;
    const { status, stdout, stderr } = spawnSync('bash', ['-o', 'pipefail', '-c', script, HUTCH], {
      encoding: 'utf8',
      env: box.env,
      cwd: box.directory,
      timeout: 20_000,
    });
    assert.equal(stdout, 'y\n');
    assert.equal(stderr, 'status 141\n');
    assert.equal(status, 0);
    assert.deepEqual(containerTraces(box), []);
  });

  it('do not wait for stdin when the command does not read it', async () => {
    const child = box.start([...RUN, '-i', 'host', 'sh', '-c', 'exit 4']);
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.stdin.on('error', () => undefined);
    assert.equal(await Promise.race([ended, sleep(10_000, 'still waiting', { ref: false })]), 4);
  });

  it('survive a command that reads only a part of a large input', async () => {
    const outcome = await box.hutch([...RUN, '-i', 'host', 'head', '-c', '5'], {
      input: Buffer.alloc(30 * MEBIBYTE, 'z'),
    });
    assert.equal(printed(outcome), 'zzzzz');
  });

  it('do not wait for a process in the background that keeps stdout open', async () => {
    const outcome = await box.inHost('sleep 1000 & echo done');
    assert.equal(printed(outcome), 'done\n');
  });

  it('leave no open descriptor but the three to the command, even when the caller has others', async () => {
    const script = 'exec 5</etc/passwd 250</etc/group; exec "$@"';
    const child = box.start([...RUN, 'host', 'sh', '-c', 'ls /proc/self/fd | tr "\\n" " "'], {
      wrapper: ['bash', '-c', script, 'bash'],
    });
    // 3 is the directory that ls reads.
    assert.equal(printed(await outcomeOf(child)), '0 1 2 3 ');
  });
});
