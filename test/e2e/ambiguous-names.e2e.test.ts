/** Ids cut short: one that fits several containers is nobody's, and nothing is done to any of them. */

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { writeJsonFile } from '../../src/state/json-file.ts';
import { idOf, recordOf, storeContainer, storeIn } from '../helpers/stored-containers.ts';
import { assertRefused, hostSkip, makeSandbox, printed } from './sandbox.ts';

describe('the beginning of an id', { skip: hostSkip() }, () => {
  const box = makeSandbox();

  before(async () => {
    const store = storeIn(box.data, box.run);
    await storeContainer(store, recordOf(idOf(0xaa1), { name: 'first' }));
    await storeContainer(store, recordOf(idOf(0xaa2), { name: 'second' }));
  });

  it('is refused when it fits several, by rm -f too, which forgives what is not there', async () => {
    for (const words of [['rm', '-f'], ['rm', '-fi'], ['inspect'], ['container', 'exists'], ['logs'], ['start']]) {
      const { code, stderr } = await box.hutch([...words, '00000aa']);
      assert.notEqual(code, 0, words.join(' '));
      assert.match(stderr, /^hutch: "00000aa" begins the ids of 2 containers\n/u, words.join(' '));
    }
    assert.equal(
      printed(await box.hutch(['ps', '-aq']))
        .trim()
        .split('\n').length,
      2,
    );
  });

  it('is refused for networks, by what forgives a network that is not there too', async () => {
    const directory = path.join(box.data, 'networks');
    mkdirSync(directory, { recursive: true });
    for (const [name, digit] of [
      ['one', '1'],
      ['two', '2'],
    ] as const) {
      const id = `c0ffee${digit}`.padEnd(64, '0');
      const ranges = { subnet: `10.${digit}.0.0/24`, gateway: `10.${digit}.0.1` };
      const rest = { createdAt: '2026-01-01T00:00:00.000Z', driver: 'bridge', internal: false, labels: {} };
      writeJsonFile(path.join(directory, `${name}.json`), { id, name, ...ranges, ...rest });
    }
    for (const words of [['network', 'inspect'], ['inspect'], ['network', 'rm', '-f'], ['network', 'exists']]) {
      const { code, stderr } = await box.hutch([...words, 'c0ffee']);
      assert.notEqual(code, 0, words.join(' '));
      assert.match(stderr, /^hutch: "c0ffee" begins the ids of 2 networks\n/u, words.join(' '));
    }
    assert.equal(printed(await box.hutch(['network', 'inspect', '-f', '{{.Name}}', 'c0ffee2'])), 'two\n');
  });

  it('will do when it fits one; container exists says so by its exit code, and container remove is rm', async () => {
    printed(await box.hutch(['container', 'exists', '00000aa1']));
    assert.equal((await box.hutch(['container', 'exists', '00000aa9'])).code, 1);
    printed(await box.hutch(['container', 'remove', '00000aa1']));
    assertRefused(await box.hutch(['rm', '00000aa1']), /there is no container "00000aa1"/u);
  });
});
