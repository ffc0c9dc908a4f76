/** Turning -u into ids by the account files of trees that an image could have made. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { resolveUser } from '../../../src/engine/container/resolve-user.ts';
import { refusal } from './requests.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'hutch-user-'));
after(() => rmSync(scratch, { recursive: true }));

const PASSWD =
  'root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:Web:/srv/web:/bin/false\nodd:x:40:40\nrelative:x:41:41::home:/bin/sh\n';
const GROUP = 'root:x:0:\nweb:x:34:\nlog:x:44:web,root\nnone:x:45:webber\n';

let made = 0;
function tree(passwd: string | null, group: string | null = GROUP): string {
  const root = path.join(scratch, String((made += 1)));
  mkdirSync(path.join(root, 'etc'), { recursive: true });
  if (passwd !== null) writeFileSync(path.join(root, 'etc/passwd'), passwd);
  if (group !== null) writeFileSync(path.join(root, 'etc/group'), group);
  return root;
}

const image = tree(PASSWD);
const resolve = (text: string, groupAdd: readonly string[] = []) => resolveUser(text, [image], groupAdd);

test('resolveUser() finds names and numbers with their group, supplementary groups and home', () => {
  assert.deepEqual(resolve(''), { uid: 0, gid: 0, additionalGids: [44], home: '/root' });
  assert.deepEqual(resolve('web'), { uid: 33, gid: 34, additionalGids: [44], home: '/srv/web' });
  assert.deepEqual(resolve('33'), { uid: 33, gid: 34, additionalGids: [44], home: '/srv/web' });
});

test('resolveUser() takes a group that is named instead of all that the files say', () => {
  assert.deepEqual(resolve('web:log'), { uid: 33, gid: 44, additionalGids: [], home: '/srv/web' });
  assert.deepEqual(resolve('1000:1001'), { uid: 1000, gid: 1001, additionalGids: [], home: '/' });
});

test('resolveUser() adds the groups of --group-add once, and never the main group', () => {
  assert.deepEqual(resolve('web', ['7', 'log', '7', 'web']).additionalGids, [44, 7]);
});

test('resolveUser() gives ids without an entry group 0 and / as their home', () => {
  assert.deepEqual(resolve('1000'), { uid: 1000, gid: 0, additionalGids: [], home: '/' });
  assert.equal(resolve('odd').home, '/');
  assert.equal(resolve('relative').home, '/');
});

test('resolveUser() reads the topmost tree that has the file', () => {
  const top = tree('web:x:50:50::/top:/bin/sh\n', null);
  assert.deepEqual(resolveUser('web', [tree(null, null), top, image]), {
    uid: 50,
    gid: 50,
    additionalGids: [44],
    home: '/top',
  });
});

test('resolveUser() refuses wrong forms and names that the image does not have', () => {
  for (const text of [':', 'a:b:c', '-1', 'a b', '$x', '1.5', 'web:', ':web', '99999999999', 'a\nb']) {
    assert.throws(() => resolve(text), refusal('USAGE_INVALID', /for -u$/u), JSON.stringify(text));
  }
  assert.throws(() => resolve('nobody'), refusal('ID_UNMAPPED', /^the image has no user "nobody"$/u));
  assert.throws(() => resolve('web:staff'), refusal('ID_UNMAPPED', /^the image has no group "staff"$/u));
  assert.throws(() => resolve('web', ['a b']), refusal('USAGE_INVALID', /for --group-add$/u));
});

test('resolveUser() reads no file that an image has laid as a trap', () => {
  const linked = tree(null, null);
  symlinkSync(path.join(image, 'etc/passwd'), path.join(linked, 'etc/passwd'));
  const linkedDirectory = path.join(scratch, 'linked-directory');
  mkdirSync(linkedDirectory);
  symlinkSync(path.join(image, 'etc'), path.join(linkedDirectory, 'etc'));
  const fifo = tree(null, null);
  execFileSync('mkfifo', [path.join(fifo, 'etc/passwd')]);
  const huge = tree(PASSWD);
  truncateSync(path.join(huge, 'etc/passwd'), 2 * 1024 * 1024);
  for (const trap of [linked, linkedDirectory, fifo, huge]) {
    assert.throws(() => resolveUser('web', [trap]), refusal('ID_UNMAPPED', /no user "web"/u), trap);
  }
});
