'use strict';
// `node write-code-cache.cjs STEM RUNS`: runs STEM.js once for each argument vector in RUNS (JSON) and writes what V8
// has compiled until then to STEM.cache. Started by build.mjs in a process, and with a home directory, of its own.
const { readFileSync, writeFileSync } = require('node:fs');
const { Script } = require('node:vm');

const RUN_LIMIT_MS = 2000;
const [stem, runs] = process.argv.slice(2);
const exit = process.exit.bind(process);
const script = new Script(readFileSync(`${stem}.js`, 'latin1'), { filename: `${stem}.js` });

/** Runs the program with `argv` until it wants to exit. */
function rehearse(argv) {
  process.argv = [process.execPath, `${stem}.cjs`, ...argv];
  return new Promise((resolve) => {
    process.exit = resolve;
    setTimeout(resolve, RUN_LIMIT_MS).unref();
    script.runInThisContext()({}, require, { exports: {} }, `${stem}.cjs`, process.cwd());
  });
}

async function main() {
  for (const argv of JSON.parse(runs)) await rehearse(argv);
  writeFileSync(`${stem}.cache`, script.createCachedData());
  exit(0);
}

process.on('uncaughtException', (error) => {
  process.stderr.write(`${error.stack}\n`);
  exit(1);
});
main();
