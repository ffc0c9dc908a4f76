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

// The bundle is plain ASCII, so latin1 is right and the quickest to read.
const script = new Script(readFileSync(`${stem}.js`, 'latin1'), { filename: `${stem}.js`, cachedData: readCache() });
script.runInThisContext()(exports, require, module, __filename, __dirname);
