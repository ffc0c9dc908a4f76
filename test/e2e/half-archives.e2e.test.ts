/** `export -o` and `save -o` that are ended half-way: no half archive, and what a SIGKILL leaves goes with the next one. */

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, utimesSync, watch, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { bootId, identifyProcess } from '../../src/host/process-identity.ts';
import { busyboxSkip } from './busybox-archive.ts';
import { BUSYBOX, hostSkip, importBusybox, makeSandbox, outcomeOf, printed, type Outcome } from './sandbox.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGKILL'] as const;
const HALF = /^\.hutch-half-\d+_/u;

describe(
  'an archive that is not written to its end',
  {
    skip: hostSkip() === false ? busyboxSkip() : hostSkip(),
  },
  () => {
    const box = makeSandbox();
    before(async () => {
      await importBusybox(box);
      const large = 'head -c 100000000 /dev/zero | tr "\\0" x >/large';
      printed(await box.hutch(['run', '--net', 'none', '--name', 'big', BUSYBOX, 'sh', '-c', large]));
      printed(await box.hutch(['commit', '-q', 'big', 'big:1']));
    });

    /** Sends `signal` as soon as something is written; undefined when that was too late. */
    const stopWriting = async (
      words: readonly string[],
      file: string,
      signal: NodeJS.Signals,
    ): Promise<Outcome | undefined> => {
      writeFileSync(file, 'old');
      const watcher = watch(path.dirname(file));
      const child = box.start([...words, '-o', file], { wrapper: ['setsid'] });
      const ended = outcomeOf(child);
      // As a terminal does it, to all of the group.
      watcher.once('change', () => process.kill(-Number(child.pid), signal));
      const outcome = await ended;
      watcher.close();
      return outcome.code === 0 ? undefined : outcome;
    };

    const stopInTime = async (...stopping: Parameters<typeof stopWriting>): Promise<Outcome> => {
      for (let round = 0; round < 10; round += 1) {
        const outcome = await stopWriting(...stopping);
        if (outcome !== undefined) return outcome;
      }
      throw new Error('it was always too late');
    };

    for (const words of [
      ['export', 'big'],
      ['save', 'big:1'],
    ])
      it(`${words.join(' ')} leaves the old file, and nothing else after SIGINT and SIGTERM`, async () => {
        const directory = path.join(box.directory, words[0] ?? '');
        const file = path.join(directory, 'out.tar');
        mkdirSync(directory);
        for (const signal of SIGNALS) {
          const { code, stderr } = await stopInTime(words, file, signal);
          assert.equal(code, { SIGINT: 130, SIGTERM: 143, SIGKILL: null }[signal]);
          if (signal !== 'SIGKILL') assert.match(stderr, /^hutch: stopped by SIG\w+; there is no half archive\n$/u);
          assert.equal(readFileSync(file, 'utf8'), 'old');
          const left = readdirSync(directory).filter((name) => name !== 'out.tar');
          assert.equal(left.filter((name) => HALF.test(name)).length, signal === 'SIGKILL' ? 1 : 0, left.join(' '));
        }
        printed(await box.hutch([...words, '-o', file]));
        assert.deepEqual(readdirSync(directory), ['out.tar']);
        assert.ok(readFileSync(file).length > 100_000_000);
      });

    it('takes away what the dead have left, and nothing of the living, of other hosts and of others', async () => {
      const directory = path.join(box.directory, 'swept');
      mkdirSync(directory);
      const space = /\d+/u.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '';
      const self = identifyProcess(process.pid);
      assert.ok(self !== undefined);
      const boot = bootId();
      const elsewhere = boot.replaceAll(/[\da-f]/gu, '0');
      const names = {
        dead: `.hutch-half-${space}_${String(self.pid)}_1_${boot}_00000000`,
        living: `.hutch-half-${space}_${String(self.pid)}_${self.startTime}_${boot}_00000000`,
        otherNamespace: `.hutch-half-1_${String(self.pid)}_1_${boot}_00000000`,
        otherHost: `.hutch-half-${space}_${String(self.pid)}_1_${elsewhere}_00000000`,
        olderBoot: `.hutch-half-${space}_${String(self.pid)}_1_${elsewhere}_11111111`,
        foreign: '.hutch-half-of-mine',
      };
      for (const name of Object.values(names)) writeFileSync(path.join(directory, name), '');
      utimesSync(path.join(directory, names.olderBoot), 1, 1);
      printed(await box.hutch(['save', BUSYBOX, '-o', path.join(directory, 'out.tar')]));
      const { dead, olderBoot, ...stay } = names;
      assert.deepEqual(
        readdirSync(directory).sort(),
        [...Object.values(stay), 'out.tar'].sort(),
        `${dead} ${olderBoot}`,
      );
    });
  },
);
