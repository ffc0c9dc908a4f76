/** Auth files and credential programs: what is found, kept and forgotten, and by whom. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isHutchError } from '../../../src/errors/hutch-error.ts';
import { findCredentials } from '../../../src/images/registry/credentials.ts';
import {
  forgetAllCredentials,
  forgetCredentials,
  keepCredentials,
} from '../../../src/images/registry/keep-credentials.ts';
import { withLock } from '../../../src/state/lock.ts';

const HOST = 'registry.example:5000';
const entry = (username: string): object => ({ auth: Buffer.from(`${username}:secret`).toString('base64') });
const password = (username: string) => ({ kind: 'password', username, password: 'secret' }) as const;
const place = (domain: string, below = '') => ({ domain, path: below });

let [scratch, file] = ['', ''];
const { env } = process;
beforeEach(() => {
  scratch = mkdtempSync(path.join(tmpdir(), 'hutch-credentials-'));
  file = path.join(scratch, 'auth.json');
  process.env = {
    PATH: `${scratch}/bin:${env['PATH'] ?? ''}`,
    HOME: path.join(scratch, 'home'),
    XDG_RUNTIME_DIR: path.join(scratch, 'run'),
  };
  mkdirSync(path.join(scratch, 'bin'));
});
afterEach(() => {
  process.env = env;
  rmSync(scratch, { recursive: true });
});

function write(target: string, content: object): void {
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, JSON.stringify(content));
}

const read = (target = file): unknown => JSON.parse(readFileSync(target, 'utf8'));

/** A credential program that keeps one file for each server, and notes its verbs. */
function makeProgram(name: string): { readonly kept: string; calls(): string[] } {
  const kept = path.join(scratch, `kept-${name}`);
  const log = path.join(scratch, `calls-${name}`);
  mkdirSync(kept);
  writeFileSync(
    path.join(scratch, 'bin', `docker-credential-${name}`),
    `#!/bin/sh
text=$(cat)
case $1 in
store) server=$(printf %s "$text" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/') ;;
*) server=$text ;;
esac
echo "$1 $server" >>${log}
kept=${kept}/$(printf %s "$server" | tr -c a-z0-9 _)
case $1 in
store) printf %s "$text" >"$kept" ;;
get) cat "$kept" 2>/dev/null || { echo 'credentials not found in native keychain'; exit 1; } ;;
erase) rm "$kept" 2>/dev/null || { echo 'credentials not found in native keychain'; exit 1; } ;;
esac
`,
    { mode: 0o755 },
  );
  return { kept, calls: () => readFileSync(log, 'utf8').trimEnd().split('\n') };
}

describe('findCredentials()', () => {
  it('prefers the narrowest part of a registry, and knows no other part', async () => {
    write(file, {
      auths: { [HOST]: entry('wide'), [`${HOST}/team`]: entry('team'), [`${HOST}/team/app`]: entry('app') },
    });
    const found = async (repository: string) => findCredentials(HOST, repository, file);
    assert.deepEqual(await found('team/app'), password('app'));
    assert.deepEqual(await found('team/app/part'), password('app'));
    assert.deepEqual(await found('team/other'), password('team'));
    assert.deepEqual(await found('teammate/app'), password('wide'));
    assert.equal(await findCredentials('registry.example', 'team/app', file), undefined);
  });

  it('reads the entries that docker wrote over the years', async () => {
    const padded = Buffer.from('me:a:b\0\0').toString('base64');
    write(file, {
      auths: {
        'https://index.docker.io/v1/': { auth: padded },
        'https://old.example/v1/': { username: 'me', password: 'plain' },
        'broken.example': { auth: 'bm90aGluZw==' },
      },
    });
    assert.deepEqual(await findCredentials('docker.io', 'library/x', file), { ...password('me'), password: 'a:b' });
    assert.deepEqual(await findCredentials('old.example', 'x', file), { ...password('me'), password: 'plain' });
    assert.equal(await findCredentials('broken.example', 'x', file), undefined);
  });

  it('tells identity tokens and registry tokens from passwords, in files and from programs', async () => {
    const program = makeProgram('tokens');
    write(path.join(program.kept, 'kept_example'), { Username: '<token>', Secret: 'refresh' });
    write(file, {
      auths: {
        'identity.example': { ...entry('me'), identitytoken: 'refresh' },
        'bearer.example': { registrytoken: 'bearer' },
      },
      credHelpers: { 'kept.example': 'tokens' },
    });
    const identity = { kind: 'identityToken', token: 'refresh' };
    assert.deepEqual(await findCredentials('identity.example', 'x', file), identity);
    assert.deepEqual(await findCredentials('kept.example', 'x', file), identity);
    assert.deepEqual(await findCredentials('bearer.example', 'x', file), { kind: 'registryToken', token: 'bearer' });
  });

  it('asks the program of a registry, then credsStore, then looks into the file', async () => {
    const [own, common] = [makeProgram('own'), makeProgram('common')];
    write(path.join(own.kept, 'own_example'), { Username: 'own', Secret: 'secret' });
    write(path.join(common.kept, 'common_example'), { Username: 'common', Secret: 'secret' });
    write(file, {
      auths: { 'common.example': entry('old'), 'file.example': entry('file') },
      credHelpers: { 'own.example': 'own' },
      credsStore: 'common',
    });
    assert.deepEqual(await findCredentials('own.example', 'x', file), password('own'));
    assert.deepEqual(await findCredentials('common.example', 'x', file), password('common'));
    assert.deepEqual(await findCredentials('file.example', 'x', file), password('file'));
    assert.deepEqual(own.calls(), ['get own.example']);
    assert.deepEqual(common.calls(), ['get common.example', 'get file.example']);
  });

  it('goes through the usual files in order, unless REGISTRY_AUTH_FILE or an argument names one', async () => {
    const files = ['run/containers', 'home/.config/containers'].map((name) => path.join(scratch, name, 'auth.json'));
    files.push(path.join(scratch, 'home/.docker/config.json'));
    for (const [at, name] of files.entries()) write(name, { auths: { [HOST]: entry(`file-${String(at)}`) } });
    for (const [at, name] of files.entries()) {
      assert.deepEqual(await findCredentials(HOST, 'x'), password(`file-${String(at)}`));
      rmSync(name);
    }
    assert.equal(await findCredentials(HOST, 'x'), undefined);
    write(file, { auths: { [HOST]: entry('named') } });
    assert.deepEqual(await findCredentials(HOST, 'x', file), password('named'));
    process.env['REGISTRY_AUTH_FILE'] = file;
    assert.deepEqual(await findCredentials(HOST, 'x'), password('named'));
  });

  it('names a file that is not JSON, and a program that cannot be one', async () => {
    writeFileSync(file, '{');
    await assert.rejects(findCredentials(HOST, 'x', file), (error) => isHutchError(error, 'CONFIG_INVALID'));
    write(file, { credsStore: '../../evil' });
    await assert.rejects(findCredentials(HOST, 'x', file), /"\.\.\/\.\.\/evil" is not the name/u);
  });
});

describe('keepCredentials() and forgetCredentials()', () => {
  it('keep a part of a registry beside the whole of it', async () => {
    write(file, { mine: [1], auths: { 'other.example': entry('other') } });
    await keepCredentials(place(HOST), password('wide'), file);
    await keepCredentials(place(HOST, 'team'), password('team'), file);
    assert.deepEqual(read(), {
      mine: [1],
      auths: { 'other.example': entry('other'), [HOST]: entry('wide'), [`${HOST}/team`]: entry('team') },
    });
    assert.equal(await forgetCredentials(place(HOST, 'team'), file), true);
    assert.equal(await forgetCredentials(place(HOST, 'team'), file), false);
    assert.deepEqual(await findCredentials(HOST, 'team/app', file), password('wide'));
  });

  it('replace what docker kept under its older names', async () => {
    write(file, { auths: { 'docker.io': entry('a'), 'index.docker.io': entry('b') } });
    await keepCredentials(place('docker.io'), password('new'), file);
    assert.deepEqual(read(), { auths: { 'https://index.docker.io/v1/': entry('new') } });
  });

  it('hand a password to credsStore, and leave none in the file', async () => {
    const program = makeProgram('store');
    write(file, { credsStore: 'store', auths: { [HOST]: entry('old') } });
    await keepCredentials(place(HOST), password('new'), file);
    assert.deepEqual(read(), { credsStore: 'store', auths: {} });
    assert.deepEqual(await findCredentials(HOST, 'x', file), password('new'));
    assert.deepEqual(program.calls(), [`store ${HOST}`, `get ${HOST}`]);
  });

  it('lose nothing when another login is quicker, and leave nothing beside the file', async () => {
    write(file, { auths: {} });
    let ours: Promise<unknown> = Promise.resolve();
    await withLock(file, 'log in at the same time', async () => {
      ours = keepCredentials(place(HOST), password('ours'), file);
      await sleep(200);
      assert.deepEqual(read(), { auths: {} });
      write(file, { auths: { 'other.example': entry('theirs') } });
    });
    await ours;
    assert.deepEqual(read(), { auths: { 'other.example': entry('theirs'), [HOST]: entry('ours') } });
    assert.deepEqual(readdirSync(scratch).sort(), ['auth.json', 'bin']);
  });

  it('say at once which file cannot be written, and make no directory to find nothing', async () => {
    const locked = path.join(scratch, 'locked');
    mkdirSync(locked, { mode: 0o500 });
    const begun = Date.now();
    await assert.rejects(keepCredentials(place(HOST), password('me'), path.join(locked, 'auth.json')), (error) =>
      isHutchError(error, 'STORE_UNWRITABLE'),
    );
    assert.ok(Date.now() - begun < 5000);
    assert.equal(await forgetCredentials(place(HOST)), false);
    assert.deepEqual([existsSync(path.join(scratch, 'run')), existsSync(path.join(scratch, 'home'))], [false, false]);
  });
});

describe('forgetAllCredentials()', () => {
  it('empties every file, and the programs for the registries that are named there', async () => {
    const [own, common] = [makeProgram('own'), makeProgram('common')];
    for (const kept of ['own_example', 'common_example'])
      for (const program of [own, common]) write(path.join(program.kept, kept), {});
    const docker = path.join(scratch, 'home/.docker/config.json');
    const podman = path.join(scratch, 'run/containers/auth.json');
    write(docker, { auths: { 'common.example': {} }, credsStore: 'common', credHelpers: { 'own.example': 'own' } });
    write(podman, { auths: { [HOST]: entry('me'), [`${HOST}/team`]: entry('team') } });
    await forgetAllCredentials();
    assert.deepEqual(read(docker), { auths: {}, credsStore: 'common', credHelpers: { 'own.example': 'own' } });
    assert.deepEqual(read(podman), { auths: {} });
    assert.deepEqual(readdirSync(own.kept), ['common_example']);
    assert.deepEqual(readdirSync(common.kept), ['own_example']);
    await forgetAllCredentials();
  });
});
