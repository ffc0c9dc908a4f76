/**
 * What oclif asks of its Config, made by hand: the real one reads package.json files, looks for plugins, a shell and
 * command folders at every start (field numbers: 75 ms); CLI process.
 */

import type { Config } from '@oclif/core/config';
import { DESCRIPTION, VERSION } from './version.ts';

/** A command or topic as oclif's help lists it; ids are joined by ':' inside oclif. */
export interface ListedCommand {
  readonly id: string;
  readonly summary: string;
  readonly aliases: readonly string[];
  readonly hidden: boolean;
}

export interface ListedTopic {
  readonly name: string;
  readonly description: string;
}

/**
 * The configuration for commands and, with `commands` and `topics`, for help. Only the members that oclif's parser
 * and help read are there; no hook exists, so running one answers that nothing ran.
 */
export function makeOclifConfig(commands: readonly ListedCommand[] = [], topics: readonly ListedTopic[] = []): Config {
  const config = {
    bin: 'hutch',
    name: 'hutch',
    version: VERSION,
    userAgent: `hutch/${VERSION}`,
    platform: 'linux',
    topicSeparator: ' ',
    plugins: new Map<string, never>(),
    pjson: { description: DESCRIPTION, oclif: {} },
    commands,
    topics,
    runHook: () => Promise.resolve({ successes: [], failures: [] }),
  };
  return config as unknown as Config;
}
