'use strict';
// dist/<program>.cjs: runs dist/<program>.js with the machine code cache that the build made for it. A cache that
// belongs to another node or is missing is passed over: the program then starts some milliseconds later.
const { readFileSync } = require('node:fs');
const { Script } = require('node:vm');

const stem = __filename.slice(0, -'.cjs'.length);

function readCache() {
  try {
    return readFileSync(`${stem}.cache`);
  } catch {
    return undefined;
  }
}

// A program that is started with this flag boots quicker (docs/adr/0011). But V8 keeps its flags in the key of every code
// cache, ours and those of Node's own modules; so the flag is taken back as soon as it has done its work. What is called is
// V8::SetFlagsFromString(const char*) of V8's public interface: require('node:v8') offers it too, at ten times the cost.
function takeBackFlag() {
  try {
    const koffi = require(`${__dirname}/koffi.node`);
    koffi.load(null).func('_ZN2v82V818SetFlagsFromStringEPKc', 'void', ['str'])('--rehash-snapshot');
  } catch {
    // Another build of Node: the caches are passed over.
  }
}

if (process.execArgv.includes('--no-rehash-snapshot')) takeBackFlag();
// The bundle is plain ASCII, so latin1 is right and the quickest to read.
const script = new Script(readFileSync(`${stem}.js`, 'latin1'), { filename: `${stem}.js`, cachedData: readCache() });
script.runInThisContext()(exports, require, module, __filename, __dirname);
