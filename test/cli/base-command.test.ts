/** Unit tests of HutchCommand: what a command gets from its arguments, through oclif's own parser. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Args, Flags, HutchCommand } from '../../src/cli/base-command.ts';
import { makeOclifConfig } from '../../src/cli/oclif-config.ts';
import { HutchError, isHutchError } from '../../src/errors/hutch-error.ts';

/** Shaped as `hutch run`. */
class Run extends HutchCommand {
  static override stopsAtFirstPositional = true;
  static override args = {
    image: Args.string({ required: true }),
    command: Args.string({ multiple: true }),
  };
  static override flags = {
    rm: Flags.boolean(),
    init: Flags.boolean({ default: true }),
    tty: Flags.boolean({ char: 't' }),
    env: Flags.string({ char: 'e', multiple: true }),
    name: Flags.string(),
    pids: Flags.integer(),
    cgroupns: Flags.string({ options: ['host', 'private'] }),
    detach: Flags.boolean({ exclusive: ['tty'] }),
    volume: Flags.string({
      parse: (value) =>
        Promise.reject(new HutchError(`no volume "${value}"`, { code: 'VOLUME_INVALID', hint: 'Make it' })),
    }),
    broken: Flags.string({ parse: () => Promise.reject(new TypeError('x is undefined')) }),
  };

  seen: unknown;

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Run);
    const { help, ...rest } = flags;
    assert.equal(help, false);
    this.seen = { ...rest, image: args.image, command: args.command };
    return 0;
  }
}

/** Shaped as `hutch rm`. */
class Remove extends HutchCommand {
  static override args = { container: Args.string({ required: true, multiple: true }) };
  static override flags = { force: Flags.boolean({ char: 'f' }) };

  seen: unknown;

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Remove);
    this.seen = { force: flags.force, container: args.container };
    return 0;
  }
}

/** Shaped as `hutch info`. */
class Info extends HutchCommand {
  async run(): Promise<number> {
    await this.parse(Info);
    return 0;
  }
}

async function seenBy(Class: typeof Run | typeof Remove, argv: readonly string[]): Promise<unknown> {
  Class.id = Class.name.toLowerCase();
  const command = new Class([...argv], makeOclifConfig());
  assert.equal(await command.run(), 0);
  return command.seen;
}

async function refusal(Class: typeof Run | typeof Info, argv: readonly string[]): Promise<HutchError> {
  Class.id = Class.name.toLowerCase();
  const error = await new Class([...argv], makeOclifConfig()).run().then(
    () => assert.fail('it was accepted'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof HutchError, String(error));
  return error;
}

describe('HutchCommand.parse()', () => {
  it('gives the payload its words in order, repeated ones too', async () => {
    const argv = ['-t', '--rm', '-eA=1', '-e', 'B=2', 'IMG', 'echo', 'a', 'b', 'a', '--rm=x', '--', '-e'];
    assert.deepEqual(await seenBy(Run, argv), {
      rm: true,
      init: true,
      tty: true,
      detach: false,
      env: ['A=1', 'B=2'],
      image: 'IMG',
      command: ['echo', 'a', 'b', 'a', '--rm=x', '--', '-e'],
    });
  });

  it('leaves the payload undefined when there is none', async () => {
    assert.deepEqual(await seenBy(Run, ['IMG']), {
      rm: false,
      init: true,
      tty: false,
      detach: false,
      image: 'IMG',
      command: undefined,
    });
  });

  it('turns a default off with =false and keeps the last of repeated values', async () => {
    const seen = await seenBy(Run, ['--init=false', '--rm=true', '--name=a', '--name', 'b', '--', 'IMG']);
    assert.deepEqual(seen, {
      rm: true,
      init: false,
      tty: false,
      detach: false,
      name: 'b',
      image: 'IMG',
      command: undefined,
    });
  });

  it('accepts flags behind arguments where no payload follows', async () => {
    assert.deepEqual(await seenBy(Remove, ['web', 'db', '-f', 'web']), {
      force: true,
      container: ['web', 'db', 'web'],
    });
  });

  it('names the argument that is missing without reading stdin for it', async () => {
    const error = await refusal(Run, ['--rm']);
    assert.equal(error.message, 'hutch run needs IMAGE');
    assert.equal(error.hint, 'See hutch run --help');
    assert.equal(error.code, 'USAGE_INVALID');
  });

  it('names the word that is too many', async () => {
    assert.equal((await refusal(Info, ['a', 'b'])).message, 'hutch info takes no argument "a b"');
  });

  it('names an unknown flag', async () => {
    assert.equal((await refusal(Info, ['--jsn'])).message, 'unknown flag --jsn for hutch info');
  });

  it('says what a flag accepts', async () => {
    assert.equal(
      (await refusal(Run, ['--cgroupns', 'x', 'I'])).message,
      'Expected --cgroupns=x to be one of: host, private',
    );
    assert.equal((await refusal(Run, ['--pids', 'x', 'I'])).message, '--pids: Expected an integer but received: x');
  });

  it('says which flags exclude each other', async () => {
    assert.match(
      (await refusal(Run, ['--detach', '-t', 'I'])).message,
      /^--tty=true cannot also be provided when using --detach$/u,
    );
  });

  it("hands on the HutchError of a flag's own parse as it was", async () => {
    const error = await refusal(Run, ['--volume', '/x', 'I']);
    assert.equal(error.message, 'no volume "/x"');
    assert.equal(error.code, 'VOLUME_INVALID');
    assert.equal(error.hint, 'Make it');
  });

  it("does not pass a bug in a flag's own parse off as a wrong flag", async () => {
    Run.id = 'run';
    await assert.rejects(
      new Run(['--broken', 'x', 'I'], makeOclifConfig()).run(),
      (error) => error instanceof TypeError && !isHutchError(error),
    );
  });
});
