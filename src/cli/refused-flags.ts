/** Flags of docker's and podman's that hutch does not have, and for which it has a reason; CLI process. */
import { Flags } from './base-command.ts';

const refused = Flags.string({ description: 'refused: hutch does not have it', hidden: true, multiple: true });

/** Their reasons are in src/engine/container/impossible-flags.ts. */
export const REFUSED_FLAGS = {
  gpus: refused,
  pod: refused,
  secret: refused,
  userns: refused,
  uidmap: refused,
  gidmap: refused,
  rootfs: Flags.boolean({ description: 'refused: a root file system is an image here', hidden: true }),
  'volumes-from': refused,
  'volume-driver': refused,
  link: refused,
  isolation: refused,
  runtime: refused,
  'storage-opt': refused,
};

/** USAGE_INVALID for the first that asks for anything, with the reason and what there is instead. The reasons are loaded for those alone. */
export async function refuseFlags(flags: Readonly<Record<string, unknown>>): Promise<void> {
  const given = Object.keys(REFUSED_FLAGS).flatMap((name) =>
    [flags[name] as boolean | string[] | undefined]
      .flat()
      .filter((value) => value !== undefined && value !== false)
      .map((value) => ({ flag: `--${name}`, value: value === true ? null : value })),
  );
  if (given.length === 0) return;
  const { refuseImpossibleFlag } = await import('../engine/container/impossible-flags.ts');
  for (const each of given) refuseImpossibleFlag(each);
}
