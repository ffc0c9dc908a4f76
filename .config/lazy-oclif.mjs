/**
 * An esbuild plugin that makes @oclif/core evaluate its modules on first use instead of at start.
 *
 * TypeScript compiles `import {x} from './y'` to `const y_1 = require("./y")` and every use to `y_1.x`. The plugin turns
 * the first into a function and the second into a call of it, so a command that shows no help never evaluates help.
 */

import { readFile } from 'node:fs/promises';

const IMPORT =
  /^(?:const|var) (?<name>[A-Za-z_]\w*_\d+) = (?<call>(?:__importDefault\(|__importStar\()?require\("[^"]+"\)\)?);$/gmu;

// hutch writes its output itself (src/cli/output.ts); building the stream object to listen on it costs start time.
const STDOUT_LISTENER = /^process\.stdout\.on\('error', [\s\S]*?^\}\);$/mu;

export const lazyOclif = {
  name: 'lazy-oclif',
  setup(build) {
    build.onLoad({ filter: /[\\/]@oclif[\\/]core[\\/]lib[\\/].*\.js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const contents = path.endsWith('/lib/command.js') ? withoutStdoutListener(source) : source;
      return { contents: importOnUse(contents), loader: 'js' };
    });
  },
};

/** `source`, a CommonJS module written by TypeScript, with each import evaluated when it is first used. */
export function importOnUse(source) {
  const names = [...source.matchAll(IMPORT)].map(({ groups }) => groups.name);
  if (names.length === 0) return source;
  const uses = new RegExp(`\\b(?:${names.join('|')})\\b`, 'gu');
  const body = source.replace(IMPORT, '').replace(uses, '($&())');
  const imports = [...source.matchAll(IMPORT)].map(
    ({ groups: { name, call } }) => `var ${name}$; function ${name}() { return ${name}$ ??= ${call}; }`,
  );
  return `${imports.join('\n')}\n${body}`;
}

function withoutStdoutListener(source) {
  if (!STDOUT_LISTENER.test(source))
    throw new Error('@oclif/core: command.js no longer listens on stdout, see lazy-oclif.mjs');
  return source.replace(STDOUT_LISTENER, '');
}
