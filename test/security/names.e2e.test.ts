/** Names, ids and paths that are meant to lead hutch elsewhere: each is refused before any file is touched. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { containerTraces, hostSkip, makeSandbox } from '../e2e/sandbox.ts';

const HOSTILE = [
  ...['../../decoy', '/etc', 'a/b', '.', '..', '', '-rf', ' ', 'a b', 'a\nb', 'a\tb', '\u001b[31mred'],
  ...['ä', 'a\u202eb', '*', '$(id)', 'x'.repeat(300), '.hidden', '%s', 'a:b'],
];
const RUN = ['run', '--rm', '--net', 'none'];

describe('a hostile word', { skip: hostSkip() }, () => {
  const box = makeSandbox();
  const decoy = path.join(box.directory, 'decoy');

  /** All files of the store and around it. */
  function everything(): string[] {
    return readdirSync(box.directory, { recursive: true, encoding: 'utf8' })
      .filter((name) => !name.startsWith('home/'))
      .sort();
  }

  it('is refused as the name of a container, a user, a host or an image, and nothing changes on disk', async () => {
    mkdirSync(decoy);
    writeFileSync(path.join(decoy, 'container.json'), '{}');
    assert.equal((await box.inHost('true', '--name', 'good-name')).code, 0);
    const before = everything();
    const commands = (word: string): readonly (readonly string[])[] => [
      [...RUN, `--name=${word}`, 'host', 'true'],
      ['rm', '-f', '--', word],
      [...RUN, `--user=${word}`, 'host', 'true'],
      [...RUN, `--hostname=${word}`, 'host', 'true'],
      [...RUN, '--', word, 'true'],
    ];
    for (const word of HOSTILE) {
      for (const argv of commands(word)) {
        // The empty user is the image's own, as in docker.
        if (argv.includes('--user=')) continue;
        const { code, stderr, stdout } = await box.hutch(argv);
        // What cannot be there is gone already, as far as `rm -f` is concerned; it says that there is none.
        const expected = argv[0] === 'rm' ? 0 : 125;
        assert.deepEqual([code, stdout], [expected, ''], `${JSON.stringify(argv)}: ${stderr}`);
        assert.notEqual(stderr, '');
        assert.ok(
          !['\u001b', '\u202e'].some((character) => stderr.includes(character)),
          `${JSON.stringify(argv)} drives the terminal`,
        );
      }
    }
    assert.deepEqual(everything(), before);
    assert.ok(existsSync(path.join(decoy, 'container.json')));
    assert.deepEqual(containerTraces(box), []);
  });

  it('is refused as a number of a user that no container could have', async () => {
    for (const user of [
      '4294967295',
      '4294967296',
      '65536',
      '-1',
      '0x0',
      '1e3',
      '0\n1',
      '0:-1',
      '0:0:0',
      '0:4294967296',
    ]) {
      const { code, stderr } = await box.hutch([...RUN, `--user=${user}`, 'host', 'true']);
      assert.equal(code, 125, `${user}: ${stderr}`);
    }
    assert.equal((await box.hutch([...RUN, '--user=0:0', 'host', 'true'])).code, 0);
  });
});
