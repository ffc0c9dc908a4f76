/** What a root file system must do, whichever driver has put it together: scripts for a busybox container, and what they print. */

export interface Behaviour {
  readonly title: string;
  /** Run by sh in a fresh container of the image in busybox-archive.ts. */
  readonly script: string;
  readonly prints: string;
  readonly flags?: readonly string[];
}

const LEAF = 'lower/tree/deep/leaf';

export const BEHAVIOURS: readonly Behaviour[] = [
  {
    title: 'shows the files of the layer with their modes, owners and times',
    script: `cat lower/file lower/soft ${LEAF}; stat -c "%n %a %u:%g %Y" lower/file lower/owned lower/set-uid; wc -c <lower/large`,
    prints:
      'from the layer\nfrom the layer\nleaf\nlower/file 644 0:0 1234567890\nlower/owned 644 33:44 1000000000\nlower/set-uid 4755 0:0 1000000000\n1000000\n',
  },
  {
    title: 'lets files of the layer be written, appended to and cut off',
    script:
      'echo new >lower/owned; echo more >>lower/file; truncate -s 3 lower/large; cat lower/owned lower/file lower/large; stat -c %u:%g lower/owned',
    prints: 'new\nfrom the layer\nmore\nxxx33:44\n',
  },
  {
    title: 'renames directories, those of the layer too',
    script: `mkdir own; echo own >own/file; mv own moved; mv lower/tree lower/wood; mv lower/wood top; cat moved/file top/deep/leaf; ls -d own lower/tree 2>&1 | wc -l; ls -d own lower/tree >/dev/null 2>&1 || echo gone`,
    prints: 'own\nleaf\n2\ngone\n',
  },
  {
    title: 'removes a directory of the layer, and one made in its place is empty',
    script: `rm -r lower/tree; test -e lower/tree || echo gone; mkdir lower/tree; ls -A lower/tree; mkdir lower/tree/deep; ls -A lower/tree/deep; echo again >${LEAF}; cat ${LEAF}`,
    prints: 'gone\nagain\n',
  },
  {
    title: 'removes files and links of the layer, and does not list them any more',
    script: 'rm lower/file lower/soft lower/large; ls lower; echo back >lower/file; cat lower/file lower/hard',
    prints: 'hard\nowned\nset-uid\ntree\nback\nfrom the layer\n',
  },
  {
    title: 'gives files to other ids, and takes the set-uid bit away by that',
    script:
      'echo x >f; chmod 4755 f; chown 1000:1000 f; stat -c "%a %u:%g" f; chown -R 65535:65535 lower/tree; stat -c %u:%g lower/tree/deep/leaf; chown 33 lower/set-uid; stat -c "%a %u" lower/set-uid',
    prints: '755 1000:1000\n65535:65535\n755 33\n',
  },
  {
    title: 'keeps the set-uid and sticky bits, which have their effect',
    script:
      'cp /bin/busybox id; chown 33 id; chmod 4755 id; setpriv --reuid 1000 true 2>/dev/null; su -s /id web -c "id -u" 2>/dev/null; stat -c %a id /tmp lower/set-uid',
    prints: '4755\n1777\n4755\n',
  },
  {
    title: 'keeps hard links together, those that are made in the container',
    script:
      'echo a >one; ln one two; echo b >>two; cat one; stat -c %h one; test one -ef two && echo same; ln lower/owned three; stat -c %u three',
    prints: 'a\nb\n2\nsame\n33\n',
  },
  {
    title: 'makes symbolic links, also those that lead nowhere',
    script:
      'ln -s lower/file to; ln -s /no/where none; cat to; readlink none; test -e none || echo dangling; ln -sfn lower to; ls to/file',
    prints: 'from the layer\n/no/where\ndangling\nto/file\n',
  },
  {
    title: 'makes fifos and sockets that work',
    script: 'mkfifo pipe; (echo through >pipe &); cat pipe; stat -c %F pipe',
    prints: 'through\nfifo\n',
  },
  {
    title: 'keeps times to the nanosecond that are set in the container',
    script:
      'touch -d "2001-02-03 04:05:06" f lower/file; stat -c %Y f lower/file; cp -p f g; test g -nt f || test g -ot f || echo same',
    prints: '981173106\n981173106\nsame\n',
  },
  {
    title: 'holds a large file, and one with a hole',
    script:
      'yes 0123456789abcde | head -c 60000000 >big; md5sum <big | cut -c 1-8; dd if=/dev/zero of=hole bs=1 count=1 seek=5000000000 2>/dev/null; stat -c %s hole; test $(du -k hole | cut -f 1) -lt 1000 && echo sparse',
    prints: '4fa46e63\n5000000001\nsparse\n',
  },
  {
    title: 'lists a directory of a thousand entries, half of them removed',
    script:
      'mkdir d; cd d; for i in $(seq 1000); do : >f$i; done; ls | wc -l; rm f*[02468]; ls | wc -l; rmdir . 2>/dev/null || echo full',
    prints: '1000\n500\nfull\n',
  },
  {
    title: 'lets a file be removed that is open, and read on',
    script:
      'exec 3<lower/file; rm lower/file; cat <&3; echo x >t; exec 4<>t; rm t; echo y >&4; ls t 2>/dev/null || echo gone',
    prints: 'from the layer\ngone\n',
  },
  {
    title: 'runs programs from the layer and ones that are made in the container',
    script: 'mkdir own; cp bin/busybox own/echo; own/echo own; printf "#!/bin/sh\\necho script\\n" >s; chmod +x s; ./s',
    prints: 'own\nscript\n',
  },
  {
    title: 'refuses every change with --read-only, whoever asks, and says so',
    script:
      'for c in "touch new" "rm lower/file" "mkdir d" "chmod 700 lower" "ln -s a b"; do $c 2>&1 | grep -c "Read-only file system"; done; cat lower/file; echo ok >/dev/shm/f && cat /dev/shm/f',
    prints: '1\n1\n1\n1\n1\nfrom the layer\nok\n',
    flags: ['--read-only'],
  },
];
