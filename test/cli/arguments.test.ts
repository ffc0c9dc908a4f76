/** Unit tests of the argument splitter. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  asksForHelp,
  refuseUnknownFlags,
  splitAnywhere,
  splitAtFirstPositional,
  type FlagShapes,
} from '../../src/cli/arguments.ts';
import { HutchError } from '../../src/errors/hutch-error.ts';

const FLAGS: FlagShapes = {
  env: { type: 'option', char: 'e', multiple: true },
  interactive: { type: 'boolean', char: 'i' },
  tty: { type: 'boolean', char: 't' },
  rm: { type: 'boolean' },
  name: { type: 'option' },
  net: { type: 'option', aliases: ['network'] },
  'no-trunc': { type: 'boolean' },
  help: { type: 'boolean' },
  secret: { type: 'option', hidden: true },
};

function left(...argv: string[]): readonly string[] {
  return splitAtFirstPositional(argv, FLAGS).options;
}

describe('splitAtFirstPositional()', () => {
  it('hands every word after IMAGE to the payload, flags and -- included', () => {
    const split = splitAtFirstPositional(['-it', '--rm', 'IMG', 'sh', '-c', 'x', '--', '--rm=no', '-e'], FLAGS);
    assert.deepEqual(split.options, ['--interactive', '--tty', '--rm']);
    assert.deepEqual(split.positionals, ['IMG', 'sh', '-c', 'x', '--', '--rm=no', '-e']);
  });

  it('drops a -- before IMAGE and reads nothing after it', () => {
    const split = splitAtFirstPositional(['--rm', '--', '-it', '--', 'x'], FLAGS);
    assert.deepEqual(split.options, ['--rm']);
    assert.deepEqual(split.positionals, ['-it', '--', 'x']);
  });

  it('keeps duplicate and empty payload words in order', () => {
    assert.deepEqual(splitAtFirstPositional(['IMG', 'a', 'b', 'a', '', '-'], FLAGS).positionals, [
      'IMG',
      'a',
      'b',
      'a',
      '',
      '-',
    ]);
  });

  it('takes - alone for a positional', () => {
    assert.deepEqual(splitAtFirstPositional(['--rm', '-', '-i'], FLAGS).positionals, ['-', '-i']);
  });

  it('reads a value in all four spellings', () => {
    for (const argv of [['-eA=1'], ['-e=A=1'], ['-e', 'A=1'], ['--env=A=1'], ['--env', 'A=1']]) {
      assert.deepEqual(left(...argv, 'IMG'), ['--env', 'A=1'], argv.join(' '));
    }
  });

  it('reads a cluster that ends in an option with its value in it or after it', () => {
    assert.deepEqual(left('-iteA=1', 'IMG'), ['--interactive', '--tty', '--env', 'A=1']);
    assert.deepEqual(left('-ite', 'A=1', 'IMG'), ['--interactive', '--tty', '--env', 'A=1']);
  });

  it('keeps the order of repeated values of a multiple flag', () => {
    assert.deepEqual(left('-e', 'B', '--env=A', '-eB'), ['--env', 'B', '--env', 'A', '--env', 'B']);
  });

  it('keeps the last value of any other flag', () => {
    assert.deepEqual(left('--name', 'a', '--name=b', '--rm', '--rm=false'), ['--name', 'b', '--no-rm']);
  });

  it('reads the words for true and false of a boolean, short or long', () => {
    assert.deepEqual(left('--rm=true', '-t=false', '--no-trunc=0'), ['--rm', '--no-tty', '--no-no-trunc']);
  });

  it('knows aliases of flags', () => {
    assert.deepEqual(left('--network', 'none'), ['--net', 'none']);
  });

  it('keeps an empty value', () => {
    assert.deepEqual(left('--name=', '-e', ''), ['--name', '', '--env', '']);
  });

  it('takes the next word as value even when it looks like a flag', () => {
    assert.deepEqual(left('--name', '--rm', 'IMG'), ['--name', '--rm']);
  });

  it('throws USAGE_INVALID when a value is missing or a boolean is neither', () => {
    assert.throws(() => left('--rm', '-e'), /flag -e needs a value/u);
    assert.throws(() => left('--rm=maybe'), /flag --rm is true or false, not "maybe"/u);
  });

  it('collects unknown flags without taking names of Object for flags', () => {
    const { unknown } = splitAtFirstPositional(['--bogus=1', '-z', '--constructor', '-tx'], FLAGS);
    assert.deepEqual(unknown, ['--bogus=1', '-z', '--constructor', '-x']);
  });
});

describe('splitAnywhere()', () => {
  it('finds flags between and behind positionals until --', () => {
    const split = splitAnywhere(['web', '--rm', 'db', '-i', '--', '-t'], FLAGS);
    assert.deepEqual(split.options, ['--rm', '--interactive']);
    assert.deepEqual(split.positionals, ['web', 'db', '-t']);
  });
});

describe('asksForHelp()', () => {
  const asks = (...argv: string[]): boolean => asksForHelp(splitAtFirstPositional(argv, FLAGS));

  it('is true for --help, and for -h where no flag has that letter', () => {
    assert.equal(asks('--rm', '--help', 'IMG'), true);
    assert.equal(asks('-h'), true);
    assert.equal(asksForHelp(splitAnywhere(['-h', 'box'], { hostname: { type: 'option', char: 'h' } })), false);
  });

  it("is false for the payload's own --help", () => {
    assert.equal(asks('IMG', 'ls', '--help'), false);
  });
});

describe('refuseUnknownFlags()', () => {
  const refuse = (...argv: string[]): void => {
    refuseUnknownFlags(splitAnywhere(argv, FLAGS), FLAGS, 'run');
  };

  it('names the flag and the nearest one that exists', () => {
    assert.throws(
      () => {
        refuse('--interctive');
      },
      (error) => {
        assert.ok(error instanceof HutchError);
        assert.equal(error.code, 'USAGE_INVALID');
        assert.equal(error.message, 'unknown flag --interctive for hutch run');
        assert.match(error.hint ?? '', /^Did you mean --interactive\?/u);
        return true;
      },
    );
  });

  it('does not give hidden flags away', () => {
    assert.throws(
      () => {
        refuse('--secrte');
      },
      (error) => error instanceof HutchError && error.hint?.includes('--secret') === false,
    );
  });

  it('says nothing when all flags are known', () => {
    refuse('--rm', 'x');
  });
});
