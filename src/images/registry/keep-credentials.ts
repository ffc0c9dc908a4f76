/** Keeping and forgetting what proves who we are: in the auth file, or with the program that is configured; on the host's side. */
import { mkdirSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, HutchError, isHutchError } from '../../errors/hutch-error.ts';
import { writeError, writeTextFile } from '../../state/json-file.ts';
import { forgetWithProgram, keepWithProgram, type Credentials } from './credential-program.ts';
import { authFilePaths, keysFor, programFor, readAuthFile, serverKey, type AuthFile } from './credentials.ts';

/** What credentials are kept for: a registry, or with a path only a part of it. */
export interface LoginPlace {
  readonly domain: string;
  readonly path: string;
}

type Password = Extract<Credentials, { kind: 'password' }>;

/** Keeps a password: with the first program that is configured for the registry, else in the first auth file. CONFIG_INVALID, STORE_*, HOST_TOOL_*. */
export async function keepCredentials(place: LoginPlace, password: Password, authFile?: string): Promise<void> {
  const program = programsFor(place, authFile)[0];
  if (program !== undefined)
    await keepWithProgram(program, serverKey(place.domain), password.username, password.password);
  const auth = Buffer.from(`${password.username}:${password.password}`).toString('base64');
  // Beside a program an older entry of the file would win over what was just kept.
  changeAuths(fileToWrite(authFile), place, program === undefined ? { auth } : undefined);
}

/** Forgets what is kept for a place, wherever it is found. False when nothing was known of it. CONFIG_INVALID, STORE_*, HOST_TOOL_*. */
export async function forgetCredentials(place: LoginPlace, authFile?: string): Promise<boolean> {
  for (const program of programsFor(place, authFile)) await forgetWithProgram(program, serverKey(place.domain));
  const changed = authFilePaths(authFile).filter((file) => changeAuths(file, place, undefined));
  return changed.length > 0;
}

/** Forgets everything that stands in the auth files, and in the programs for the registries that these name. */
export async function forgetAllCredentials(authFile?: string): Promise<void> {
  for (const file of authFilePaths(authFile)) {
    const content = readAuthFile(file);
    for (const [domain, program] of Object.entries(content.credHelpers))
      if (typeof program === 'string' && program !== '') await forgetWithProgram(program, domain);
    if (content.credsStore !== undefined)
      for (const key of Object.keys(content.auths)) await forgetWithProgram(content.credsStore, key);
    if (Object.keys(content.auths).length > 0) writeAuths(file, content, {});
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

/** Sets or (undefined) removes the entry of a place; true when the file has changed. Other entries and unknown keys stay. */
function changeAuths(file: string, { domain, path }: LoginPlace, entry: object | undefined): boolean {
  const content = readAuthFile(file);
  const ours = new Set(path === '' ? keysFor(domain, '') : [`${domain}/${path}`]);
  const others = Object.entries(content.auths).filter(([key]) => !ours.has(key));
  if (entry === undefined && others.length === Object.keys(content.auths).length) return false;
  const key = path === '' ? serverKey(domain) : `${domain}/${path}`;
  writeAuths(file, content, { ...Object.fromEntries(others), ...(entry === undefined ? {} : { [key]: entry }) });
  return true;
}

function writeAuths(file: string, { whole }: AuthFile, auths: object): void {
  const text = `${JSON.stringify({ ...whole, auths }, null, '\t')}\n`;
  try {
    makeDirectory(dirname(file));
    writeTextFile(throughLink(file), text);
  } catch (cause) {
    if (!isHutchError(cause, 'STORE_UNWRITABLE', 'STORAGE_FULL')) throw cause;
    throw new HutchError(`cannot write the credentials: ${cause.message}`, {
      code: cause.code,
      hint: 'make the file writable, or name another one with --authfile',
      cause,
    });
  }
}

function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
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
