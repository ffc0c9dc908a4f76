'use strict';
// `node write-code-cache.cjs STEM {runs, companion, starter, isWhollyUsed}`: runs STEM.js once for each argument vector in `runs` and writes what
// V8 has compiled until then, or everything, to STEM.cache; the same for the program `companion`, which STEM.js loads. With `starter`, it is started
// by that program. Started by build.mjs in a process, and with a home directory, of its own.
const { readFileSync, writeFileSync } = require('node:fs');
const { Module } = require('node:module');
const { basename, dirname, join } = require('node:path');
const { setFlagsFromString } = require('node:v8');
const { Script } = require('node:vm');

const RUN_LIMIT_MS = 2000;
const [stem, options] = process.argv.slice(2);
const { runs, companion, starter, isWhollyUsed } = JSON.parse(options);
const exit = process.exit.bind(process);
if (isWhollyUsed) setFlagsFromString('--no-lazy');
const script = new Script(readFileSync(`${stem}.js`, 'latin1'), { filename: `${stem}.js` });
// The flag is part of the cache's key: it must be as in every later start when the cache is written.
if (isWhollyUsed) setFlagsFromString('--lazy');

/** Has a program of dist/ found as loaded already, whatever its loader would do. */
function placeModule(name, exports) {
  const path = join(dirname(stem), `${name}.cjs`);
  require.cache[path] = Object.assign(new Module(path), { filename: path, loaded: true, exports });
}

function evaluate(path, script) {
  const module = { exports: {} };
  script.runInThisContext()(module.exports, require, module, `${path}.cjs`, dirname(stem));
  return module.exports;
}

/** Evaluates the companion in place of its loader. */
function loadCompanion() {
  const other = join(dirname(stem), companion);
  const script = new Script(readFileSync(`${other}.js`, 'latin1'), { filename: `${other}.js` });
  placeModule(companion, evaluate(other, script));
  return () => writeFileSync(`${other}.cache`, script.createCachedData());
}

/** Runs the program with `argv` until it wants to exit. */
function rehearse(argv) {
  process.argv = [process.execPath, `${stem}.cjs`, ...argv];
  return new Promise((resolve) => {
    process.exit = resolve;
    setTimeout(resolve, RUN_LIMIT_MS).unref();
    const exports = evaluate(stem, script);
    if (starter === undefined) return;
    placeModule(basename(stem), exports);
    const path = join(dirname(stem), starter);
    evaluate(path, new Script(readFileSync(`${path}.js`, 'latin1'), { filename: `${path}.js` }));
  });
}

async function main() {
  const writeCompanion = companion === undefined ? undefined : loadCompanion();
  for (const argv of runs) await rehearse(argv);
  writeCompanion?.();
  writeFileSync(`${stem}.cache`, script.createCachedData());
  exit(0);
}

process.on('uncaughtException', (error) => {
  process.stderr.write(`${error.stack}\n`);
  exit(1);
});
main();
