/** Unit tests of synchronous output, on real pipes. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { ReaderGone, writeAll } from '../../src/cli/output.ts';

describe('writeAll()', () => {
  let directory = '';
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hutch-output-'));
    execFileSync('mkfifo', [join(directory, 'pipe')]);
  });
  after(async () => {
    await rm(directory, { recursive: true });
  });

  it('writes every byte through a full non-blocking pipe to a slow reader', async () => {
    const text = 'é'.repeat(200_000);
    const copy = join(directory, 'copy');
    const pipe = join(directory, 'pipe');
    const reader = spawn('sh', ['-c', `{ sleep 0.2; cat; } < "${pipe}" > "${copy}"`]);
    const ended = once(reader, 'exit');
    const fd = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
    const writer = openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
    writeAll(writer, text);
    closeSync(writer);
    closeSync(fd);
    await ended;
    assert.equal(readFileSync(copy, 'utf8'), text);
  });

  it('throws ReaderGone when nobody reads the pipe any more', () => {
    const pipe = join(directory, 'pipe');
    const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(pipe, constants.O_WRONLY);
    closeSync(reader);
    assert.throws(() => {
      writeAll(writer, 'x');
    }, ReaderGone);
    closeSync(writer);
  });
});
