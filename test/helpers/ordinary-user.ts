/** Whom a test that root runs becomes; test process. */

import { readFileSync } from 'node:fs';

export interface Account {
  readonly name: string;
  readonly uid: string;
  readonly gid: string;
}

/** The account named by HUTCH_TEST_USER, else the first one of a person with a range in /etc/subuid. */
export function ordinaryUser(): Account | undefined {
  const granted = rowsOf('/etc/subuid').map(([name]) => name);
  const accounts = rowsOf('/etc/passwd')
    .filter(([name, , uid]) => granted.includes(name) && Number(uid) >= 1000)
    .map(([name = '', , uid = '', gid = '']) => ({ name, uid, gid }));
  const wanted = process.env['HUTCH_TEST_USER'];
  return wanted === undefined ? accounts[0] : accounts.find(({ name }) => name === wanted);
}

function rowsOf(path: string): readonly (readonly string[])[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
}
