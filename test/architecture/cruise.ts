/** Runs dependency-cruiser with the project's rules over a tree, for the tests of the architecture. */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

export const PROJECT = path.resolve(import.meta.dirname, '../..');
const CRUISER = path.join(PROJECT, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
const RULES = path.join(PROJECT, '.config/dependency-cruiser.mjs');

interface CruiseResult {
  readonly summary: {
    readonly totalCruised: number;
    readonly violations: readonly {
      readonly from: string;
      readonly to: string;
      readonly rule: { readonly name: string };
    }[];
  };
}

/** What the cruiser found below `root`: the number of modules seen and each violation as "rule: from -> to". */
export function cruise(root: string): { readonly modules: number; readonly violations: readonly string[] } {
  const folders = ['src', 'commands'].filter((folder) => existsSync(path.join(root, folder)));
  const run = spawnSync(process.execPath, [CRUISER, '--config', RULES, '--output-type', 'json', ...folders], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  if (!run.stdout.startsWith('{')) throw new Error(`dependency-cruiser failed: ${run.stderr}${run.stdout}`);
  const { summary } = JSON.parse(run.stdout) as CruiseResult;
  return {
    modules: summary.totalCruised,
    violations: summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`),
  };
}
