'use strict';
// dist/<program>.cjs: runs dist/<program>.js with the machine code cache that the build made for it. A cache that
// belongs to another node or is missing is passed over: the program then starts some milliseconds later.
const { readFileSync } = require('node:fs');
const { Script } = require('node:vm');

const stem = __filename.slice(0, -'.cjs'.length);

function readCache(program) {
  try {
    return readFileSync(`${program}.cache`);
  } catch {
    return undefined;
  }
}

// What is done by the C library: undoing the flags of a quick boot, and ending at once.
//
// A program that is started with these flags boots quicker (docs/adr/0011). But V8 keeps its flags in the key of every code
// cache, ours and those of Node's own modules; so they are taken back as soon as they have done their work. What is called is
// V8::SetFlagsFromString(const char*) of V8's public interface: require('node:v8') offers it too, at ten times the cost.
//
// process.exit() ends by _exit(2): all output is written synchronously by then, and the kernel needs no help in taking a process
// apart. Node's own end takes 2 to 5 ms, and has been seen to wait for a thread of V8's for ever.
function callLibrary() {
  try {
    const addon = { exports: {} };
    process.dlopen(addon, `${__dirname}/koffi.node`);
    const library = addon.exports.load(null);
    if (process.execArgv.includes('--no-rehash-snapshot')) {
      const setFlags = library.func('_ZN2v82V818SetFlagsFromStringEPKc', 'void', ['str']);
      setFlags('--rehash-snapshot --min-semi-space-size=0');
    }
    process.reallyExit = library.func('_exit', 'void', ['int']);
    return addon.exports;
  } catch {
    // Another build of Node: the caches are passed over, and it ends as it does.
    return undefined;
  }
}

// Each module of a bundle asks anew for what it needs of Node, some hundred times in all. Node's own require() takes 10 microseconds and more to find
// what it has found before.
const found = new Map();

function find(id) {
  let exports = found.get(id);
  if (exports === undefined) {
    exports = process.getBuiltinModule(id) ?? require(id);
    found.set(id, exports);
  }
  return exports;
}
Object.setPrototypeOf(find, require);

// The bundle is plain ASCII, so latin1 is right and the quickest to read.
function load(program) {
  const script = new Script(readFileSync(`${program}.js`, 'latin1'), {
    filename: `${program}.js`,
    cachedData: readCache(program),
  });
  const loaded = { exports: {} };
  script.runInThisContext()(loaded.exports, find, loaded, `${program}.cjs`, __dirname);
  return loaded.exports;
}

// src/host/load-program.ts says what programs want of it. Node's own require() takes a millisecond to find a file of which we know where it is.
globalThis.hutchLoader = { koffi: callLibrary(), load: (name) => load(`${__dirname}/${name}`) };
load(stem);
