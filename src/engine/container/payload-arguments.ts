/** What a container executes, from the words of the user and of its image; pure. */
import { HutchError } from '../../errors/hutch-error.ts';
import type { RuntimeSpec } from '../../oci/runtime-spec.ts';
import type { ImageSource } from './image-source.ts';
import type { RunRequest } from './run-request.ts';

/** Where the program of `--init` is shown in the container. */
export const INIT_TARGET = '/run/hutch/init';

/** The payload's argv; begins with the reaper where one was asked for. USAGE_INVALID when nobody has named a command. */
export function payloadArguments(request: RunRequest, image: ImageSource): string[] {
  const reset = request.entrypoint !== undefined;
  const entrypoint = reset ? (request.entrypoint === '' ? [] : [request.entrypoint ?? '']) : image.defaults.entrypoint;
  const command = request.command.length > 0 || reset ? request.command : image.defaults.command;
  const argv = [...entrypoint, ...command];
  if (argv.length === 0) {
    throw new HutchError(`no command to run: the image ${image.reference} names none`, {
      code: 'USAGE_INVALID',
      hint: `give one: hutch run ${image.reference} COMMAND`,
    });
  }
  return request.init ? [INIT_TARGET, '--', ...argv] : argv;
}

/** What the user wants to run, without the reaper in front of it. */
export function commandOf({ process }: RuntimeSpec): readonly string[] {
  return process.args[0] === INIT_TARGET ? process.args.slice(2) : process.args;
}
