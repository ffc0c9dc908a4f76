/**
 * The class every command of hutch extends; runs in the CLI process.
 *
 * How to write a command (`commands/images.ts`; the words `hutch image prune` live in `commands/image/prune.ts`):
 *
 *     import { EXIT_OK } from '../src/errors/exit-codes.ts';
 *     import { Args, Flags, HutchCommand } from '../src/cli/base-command.ts';
 *     import { listImages } from '../src/engine/image/list-images.ts';
 *
 *     export default class Images extends HutchCommand {
 *       static override summary = 'List images';
 *       static override description = 'Longer text, shown below the flags. Optional.';
 *       static override examples = ['<%= config.bin %> images -q'];
 *       static override args = { name: Args.string({ description: 'only images of this name' }) };
 *       static override flags = { quiet: Flags.boolean({ char: 'q', description: 'print ids only' }) };
 *
 *       async run(): Promise<number> {
 *         const { args, flags } = await this.parse(Images);
 *         for (const image of await listImages({ name: args.name })) this.print(image.id);
 *         return EXIT_OK;
 *       }
 *     }
 *
 * Then add one row to `command-table.ts`. Rules: `run()` returns the exit code; data goes through print(), everything
 * else through note() and warn() to stderr; throw a HutchError for what the user can mend, any other error is shown as
 * a bug. `parse()` understands `--flag=true`, `-it`, `-eA=1`, repeated flags (`multiple: true`) and keeps the last value
 * of others. For `run` and `exec`, whose words after the first positional belong to the payload, set
 * `static override stopsAtFirstPositional = true` and declare `args` with a last `Args.string({ multiple: true })`:
 * `args.command` is then the payload's argv (undefined when empty). Import formatting with `await import(...)` where
 * it is used: an import at the top of a command costs every run of it.
 */

import * as Args from '@oclif/core/args';
import { Command } from '@oclif/core/command';
import * as Flags from '@oclif/core/flags';
import type { ParserOutput, Input } from '@oclif/core/interfaces';
import { refuseUnknownFlags, splitAnywhere, splitAtFirstPositional } from './arguments.ts';
import { printable } from '../errors/hutch-error.ts';
import { fillBooleans, prepareInput, shapesOf } from './prepare-input.ts';
import { usageErrorFrom } from './usage-error.ts';
import { writeErr, writeOut } from './output.ts';

export { Args, Flags };

type Values = Record<string, unknown>;

export abstract class HutchCommand extends Command {
  static override baseFlags = {
    help: Flags.boolean({ description: 'show this help', helpGroup: 'GLOBAL' }),
  };

  /** True for commands that hand every word after the first positional to a payload (`run`, `exec`). */
  static stopsAtFirstPositional = false;

  /** Does the work and returns the exit code of the CLI process. */
  abstract override run(): Promise<number>;

  /** Prints one line of data to stdout. */
  protected print(line: string): void {
    writeOut(`${line}\n`);
  }

  /** Prints what came from an image or a registry: on a terminal its control characters are escaped. */
  protected printForeign(text: string): void {
    this.print(process.stdout.isTTY ? printable(text) : text);
  }

  /** Prints one line about what is going on to stderr. */
  protected note(line: string): void {
    writeErr(`${line}\n`);
  }

  /** Prints a warning to stderr and returns it. */
  override warn<T extends string | Error>(input: T): T {
    writeErr(`hutch: warning: ${typeof input === 'string' ? input : input.message}\n`);
    return input;
  }

  /**
   * The flags and arguments of this command, checked by oclif's parser. Throws USAGE_INVALID with the word at fault
   * and the nearest right one.
   */
  protected override async parse<F extends Values, B extends Values, A extends Values>(
    definition: Input<F, B, A>,
    argv: readonly string[] = this.argv,
  ): Promise<ParserOutput<F, B, A>> {
    const shapes = shapesOf(definition);
    const stops = (this.ctor as typeof HutchCommand).stopsAtFirstPositional;
    const words = stops ? splitAtFirstPositional(argv, shapes) : splitAnywhere(argv, shapes);
    const command = this.id ?? '';
    refuseUnknownFlags(words, shapes, command);
    try {
      const input = prepareInput(definition, shapes, words.given);
      const output = await super.parse(input, [...words.options, '--', ...words.positionals]);
      fillBooleans(output.flags, shapes);
      return output;
    } catch (error) {
      throw usageErrorFrom(error, command);
    }
  }
}
