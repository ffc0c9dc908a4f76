/** ESLint: a rule is an error or absent; the type-aware ones are the reason for ESLint (a lost promise loses an exit code). */

import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const NODE_TEST_CALLS = [
  {
    from: 'package',
    package: 'node:test',
    name: ['test', 'it', 'describe', 'suite', 'before', 'after', 'beforeEach', 'afterEach'],
  },
];

const NO_DEFAULT_EXPORT = {
  selector: 'ExportDefaultDeclaration',
  message: 'Export by name: a symbol has one name in the whole tree.',
};
const NO_EXPORT_ALL = {
  selector: 'ExportAllDeclaration',
  message: 'No barrels: import from the file that defines the symbol.',
};

/** Rules that go beyond the presets. */
const house = {
  eqeqeq: 'error',
  'no-console': 'error',
  'no-warning-comments': ['error', { terms: ['todo', 'fixme', 'xxx'], location: 'anywhere' }],
  'no-restricted-syntax': ['error', NO_DEFAULT_EXPORT, NO_EXPORT_ALL],
  'no-restricted-properties': [
    'error',
    { object: 'process', property: 'exit', message: 'Only entry points end the process; throw a HutchError instead.' },
  ],
  'preserve-caught-error': 'error',
  'no-control-regex': 'error',
  'no-unsafe-finally': 'error',
  'no-self-assign': 'error',
  'no-useless-escape': 'error',
  'no-param-reassign': 'error',
  'no-var': 'error',
  'prefer-const': 'error',
  complexity: ['error', 15],
  'max-depth': ['error', 4],
};

/** Rules that need types. */
const typed = {
  // It asks for `!`, which no-non-null-assertion forbids.
  '@typescript-eslint/non-nullable-type-assertion-style': 'off',
  '@typescript-eslint/consistent-type-imports': 'error',
  '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
  '@typescript-eslint/no-floating-promises': ['error', { allowForKnownSafeCalls: NODE_TEST_CALLS }],
  '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
  '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
  '@typescript-eslint/no-unused-vars': [
    'error',
    { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'all' },
  ],
};

export default defineConfig(
  globalIgnores(['dist/', 'node_modules/', 'test/fixtures/', 'test/golden/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: `${import.meta.dirname}/..` } },
    rules: { ...house, ...typed },
  },
  { files: ['**/*.{mjs,cjs}'], rules: house },
  // oclif and the tools load a default export; entry points are the ones that end a process.
  {
    files: ['commands/**', '.config/**', 'test/**/*.mjs'],
    rules: { 'no-restricted-syntax': ['error', NO_EXPORT_ALL] },
  },
  {
    files: [
      'src/{main,run,run-command,watch}.ts',
      'src/{cli,init,unpack,pack,monitor,hub,resolver}/**',
      '.config/**',
      'test/bench/**',
      'test/lab/lab.ts',
    ],
    rules: { 'no-restricted-properties': 'off' },
  },
  // Build and bench are terminal programs: what they print is what they are for.
  { files: ['.config/**', 'test/bench/**'], rules: { 'no-console': 'off' } },
);
