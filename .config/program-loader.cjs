'use strict';
// dist/<program>.cjs: runs dist/<program>.js with the machine code cache that the build made for it. A cache that
// belongs to another node or is missing is passed over: the program then starts some milliseconds later.
const { closeSync, fstatSync, openSync, readFileSync } = require('node:fs');
const { Script } = require('node:vm');

const stem = __filename.slice(0, -'.cjs'.length);
// mmap(2).
const [PROT_READ, MAP_PRIVATE] = [1, 2];

/** Gives a file's bytes; by mmap(2) from callLibrary() on. */
let contents = readFileSync;

function readCache(program) {
  try {
    return contents(`${program}.cache`);
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
    contents = mapping(addon.exports, library);
    return addon.exports;
  } catch {
    // Another build of Node: the caches are passed over, and it ends as it does.
    return undefined;
  }
}

// What is mapped is in memory already, in the pages of the page cache: nothing is copied, and a process meets a twentieth of the page faults that it meets
// in filling memory of its own. V8 copies what it keeps, and never looks there again.
function mapping(koffi, library) {
  const mmap = library.func('mmap', 'int64', ['int64', 'size_t', 'int', 'int', 'int', 'int64']);
  return (path) => {
    const fd = openSync(path);
    try {
      const { size } = fstatSync(fd);
      const address = mmap(0, size, PROT_READ, MAP_PRIVATE, fd, 0);
      return address === -1 ? readFileSync(fd) : Buffer.from(koffi.view(address, size));
    } finally {
      closeSync(fd);
    }
  };
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
  const script = new Script(contents(`${program}.js`).latin1Slice(), {
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
