/** Keeping and forgetting what proves who we are: in the auth file, or with the program that is configured; on the host's side. */
import { accessSync, constants, mkdirSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, HutchError, isHutchError } from '../../errors/hutch-error.ts';
import { writeError, writeTextFile } from '../../state/json-file.ts';
import { withLock } from '../../state/lock.ts';
import { forgetWithProgram, keepWithProgram, type Credentials } from './credential-program.ts';
import { authFilePaths, keysFor, programFor, readAuthFile, serverKey } from './credentials.ts';

/** What credentials are kept for: a registry, or with a path only a part of it. */
export interface LoginPlace {
  readonly domain: string;
  readonly path: string;
}

type Entries = Readonly<Record<string, unknown>>;
type Password = Extract<Credentials, { kind: 'password' }>;

/**
 * Keeps a password: with the first program that is configured for the registry, else in the first auth file; returns the name of the
 * program, or the path of the file. CONFIG_INVALID, STORE_*, HOST_TOOL_*.
 */
export async function keepCredentials(place: LoginPlace, password: Password, authFile?: string): Promise<string> {
  const program = programsFor(place, authFile)[0];
  if (program !== undefined)
    await keepWithProgram(program, serverKey(place.domain), password.username, password.password);
  const auth = Buffer.from(`${password.username}:${password.password}`).toString('base64');
  // Beside a program an older entry of the file would win over what was just kept.
  const entry = program === undefined ? { auth } : undefined;
  const file = fileToWrite(authFile);
  await changeAuths(file, (auths) => withEntry(auths, place, entry));
  return program === undefined ? file : `docker-credential-${program}`;
}

/** Forgets what is kept for a place, wherever it is found. False when nothing was known of it. CONFIG_INVALID, STORE_*, HOST_TOOL_*. */
export async function forgetCredentials(place: LoginPlace, authFile?: string): Promise<boolean> {
  for (const program of programsFor(place, authFile)) await forgetWithProgram(program, serverKey(place.domain));
  let isKnown = false;
  for (const file of authFilePaths(authFile))
    if (await changeAuths(file, (auths) => withEntry(auths, place, undefined))) isKnown = true;
  return isKnown;
}

/** Forgets everything that stands in the auth files, and in the programs for the registries that these name. */
export async function forgetAllCredentials(authFile?: string): Promise<void> {
  for (const file of authFilePaths(authFile)) {
    const content = readAuthFile(file);
    for (const [domain, program] of Object.entries(content.credHelpers))
      if (typeof program === 'string' && program !== '') await forgetWithProgram(program, domain);
    if (content.credsStore !== undefined)
      for (const key of Object.keys(content.auths)) await forgetWithProgram(content.credsStore, key);
    await changeAuths(file, (auths) => (Object.keys(auths).length > 0 ? {} : undefined));
  }
}

/** A part of a registry has its own entry in the file; programs know whole registries only. */
function programsFor({ domain, path }: LoginPlace, authFile: string | undefined): string[] {
  if (path !== '') return [];
  const names = authFilePaths(authFile).map((file) => programFor(readAuthFile(file), domain));
  return [...new Set(names.filter((name) => name !== undefined))];
}

/** The first of the files, as podman does. */
function fileToWrite(authFile: string | undefined): string {
  const [file] = authFilePaths(authFile);
  if (file === undefined) throw new TypeError('no auth file');
  return file;
}

/** The entries with that of a place set, or (undefined) removed; undefined when that changes nothing. */
function withEntry(auths: Entries, { domain, path }: LoginPlace, entry: object | undefined): Entries | undefined {
  const ours = new Set(path === '' ? keysFor(domain, '') : [`${domain}/${path}`]);
  const others = Object.entries(auths).filter(([key]) => !ours.has(key));
  if (entry === undefined && others.length === Object.keys(auths).length) return undefined;
  const key = path === '' ? serverKey(domain) : `${domain}/${path}`;
  return { ...Object.fromEntries(others), ...(entry === undefined ? {} : { [key]: entry }) };
}

/** Replaces the entries of a file, unless `change` says undefined; true when it has changed. Unknown keys stay. */
async function changeAuths(file: string, change: (auths: Entries) => Entries | undefined): Promise<boolean> {
  // Most of the files that a logout looks into are not there: no lock, and no directory, without need.
  if (change(readAuthFile(file).auths) === undefined) return false;
  try {
    makeDirectory(dirname(file));
    const target = throughLink(file);
    requireWritable(dirname(target));
    return await withLock(target, 'keep credentials', () => Promise.resolve(writeAuths(target, change)));
  } catch (cause) {
    if (!isHutchError(cause, 'STORE_UNWRITABLE', 'STORAGE_FULL')) throw cause;
    throw new HutchError(`cannot write the credentials: ${cause.message}`, {
      code: cause.code,
      hint: 'make the file writable, or name another one with --authfile',
      cause,
    });
  }
}

/** Under the lock what is there is read again: another login may have been quicker. */
function writeAuths(file: string, change: (auths: Entries) => Entries | undefined): boolean {
  const { whole, auths } = readAuthFile(file);
  const changed = change(auths);
  if (changed === undefined) return false;
  writeTextFile(file, `${JSON.stringify({ ...whole, auths: changed }, null, '\t')}\n`);
  return true;
}

function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw writeError(directory, error);
  }
}

/** The lock would be tried for half a minute in a directory where nobody can make it. */
function requireWritable(directory: string): void {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw writeError(directory, error);
  }
}

/** Where a link leads, so that the link itself is not replaced by a file. */
function throughLink(file: string): string {
  try {
    return realpathSync(file);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return file;
    throw writeError(file, error);
  }
}
