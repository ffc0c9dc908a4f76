'use strict';
// `node write-code-cache.cjs STEM {runs, companion, starter, isWhollyUsed}`: runs STEM.js once for each argument vector in `runs` and writes what
// V8 has compiled until then, or everything, to STEM.cache; the same for the program `companion`, which STEM.js loads. With `starter`, it is started
// by that program. Started by build.mjs in a process, and with a home directory, of its own.
const { readFileSync, writeFileSync } = require('node:fs');
const { basename, dirname, join } = require('node:path');
const { setFlagsFromString } = require('node:v8');
const { Script } = require('node:vm');

const RUN_LIMIT_MS = 2000;
const [stem, options] = process.argv.slice(2);
const { runs, companion, starter, isWhollyUsed } = JSON.parse(options);
const directory = dirname(stem);
const exit = process.exit.bind(process);
if (isWhollyUsed) setFlagsFromString('--no-lazy');
const script = new Script(readFileSync(`${stem}.js`, 'latin1'), { filename: `${stem}.js` });
// The flag is part of the cache's key: it must be as in every later start when the cache is written.
if (isWhollyUsed) setFlagsFromString('--lazy');

/** What `load` of the loader (src/host/load-program.ts) gives for the programs of this rehearsal. */
const atHand = new Map();

function evaluate(name, script) {
  const module = { exports: {} };
  script.runInThisContext()(module.exports, require, module, join(directory, `${name}.cjs`), directory);
  return module.exports;
}

function compile(name) {
  const path = join(directory, `${name}.js`);
  return new Script(readFileSync(path, 'latin1'), { filename: path });
}

/** Evaluates the companion ahead of all rehearsals. */
function loadCompanion() {
  const script = compile(companion);
  const exports = evaluate(companion, script);
  atHand.set(companion, () => exports);
  return () => writeFileSync(join(directory, `${companion}.cache`), script.createCachedData());
}

/** Runs the program with `argv` until it wants to exit. */
function rehearse(argv) {
  process.argv = [process.execPath, `${stem}.cjs`, ...argv];
  return new Promise((resolve) => {
    process.exit = resolve;
    setTimeout(resolve, RUN_LIMIT_MS).unref();
    if (starter === undefined) evaluate(basename(stem), script);
    else evaluate(starter, compile(starter));
  });
}

async function main() {
  atHand.set(basename(stem), () => evaluate(basename(stem), script));
  globalThis.hutchLoader = { load: (name) => (atHand.get(name) ?? (() => evaluate(name, compile(name))))() };
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
