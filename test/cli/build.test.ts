/** Unit tests of the build's rewriting of @oclif/core. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Script } from 'node:vm';

const plugin = join(import.meta.dirname, '../../.config/lazy-oclif.mjs');
const { importOnUse } = (await import(plugin)) as { importOnUse: (source: string) => string };

describe('importOnUse()', () => {
  const source = [
    '"use strict";',
    'const parse_1 = require("./parse");',
    'const list_1 = __importDefault(require("./list"));',
    'exports.make = () => new parse_1.Parser((0, list_1.default)("parse_1x"));',
  ].join('\n');

  it('evaluates an import when it is first used, once, and not before', () => {
    const evaluated: string[] = [];
    class Parser {
      readonly input: string;
      constructor(input: string) {
        this.input = input;
      }
    }
    const modules: Readonly<Record<string, unknown>> = {
      './parse': { Parser },
      './list': (text: string) => `<${text}>`,
    };
    const require = (name: string): unknown => {
      evaluated.push(name);
      return modules[name];
    };
    const exports: { make?: () => Parser } = {};
    const body = new Script(`(function (require, exports, __importDefault) {${importOnUse(source)}})`);
    const run = body.runInThisContext() as (...parameters: readonly unknown[]) => void;
    run(require, exports, (module: unknown) => ({ default: module }));
    assert.deepEqual(evaluated, []);
    assert.equal(exports.make?.().input, '<parse_1x>');
    exports.make();
    assert.deepEqual(evaluated.sort(), ['./list', './parse']);
  });

  it('leaves a module without such imports as it is', () => {
    assert.equal(importOnUse('const a = 1;'), 'const a = 1;');
  });
});

describe('leaveOut()', () => {
  interface Loader {
    readonly setup: (build: { readonly onLoad: (filter: unknown, load: Load) => void }) => void;
  }
  type Load = (file: { readonly path: string }) => { readonly contents: string } | undefined;

  async function loaderOf(modules: RegExp): Promise<Load> {
    const file = join(import.meta.dirname, '../../.config/leave-out.mjs');
    const { leaveOut } = (await import(file)) as { leaveOut: (modules: RegExp) => Loader };
    let found: Load = () => undefined;
    leaveOut(modules).setup({ onLoad: (_filter, load) => (found = load) });
    return found;
  }

  it('makes a module that is left out say its name when it is evaluated, and passes others over', async () => {
    const load = await loaderOf(/node_modules\/big\//u);
    assert.equal(load({ path: '/x/node_modules/small/index.js' }), undefined);
    const script = load({ path: '/x/node_modules/big/index.js' })?.contents ?? '';
    assert.throws(() => new Script(script).runInThisContext(), /node_modules\/big\/index[.]js was left out/u);
  });
});
