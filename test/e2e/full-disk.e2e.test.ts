/** The store's disk fills up while containers live: they go on, what cannot be written is said, what is there can be read and removed. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { remaining } from './processes.ts';
import { hostSkip, makeSandbox, type Outcome } from './sandbox.ts';
import { ONE_ID, world } from './world.ts';

function worldSkip(): string | false {
  if (hostSkip() !== false) return hostSkip();
  const [program, ...args] = [...world({ setup: '' }), 'true'];
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return status === 0 ? false : `no user namespace within a user namespace: ${stderr}`;
}

const TALKS = `trap 'exit 4' TERM; i=0; while :; do i=$((i+1)); echo "line $i $FILL"; sleep 0.01; done`;

describe('on a disk that fills up', { skip: worldSkip() }, () => {
  const box = makeSandbox();
  const small = `${box.directory}/small`;
  /** Runs a script in a world whose store lies on 3 MB of memory; `h` is hutch, `fill` leaves no byte, `free` takes it back. */
  const onSmallDisk = async (script: string): Promise<Outcome> => {
    const setup = `mkdir -p ${small}; mount -t tmpfs -o size=3m,mode=700 none ${small}`;
    const words = `h=$1; h() { "$h" "$@" 2>&1 | grep -v 'only root exists'; }
      fill() { cat /dev/zero >>${small}/filler 2>/dev/null; }; free() { rm ${small}/filler; }
      run() { h run --net none --name "$@"; }
      left() { find "$HUTCH_DATA"/containers "$HUTCH_DATA"/names "$HUTCH_DATA"/staging "$XDG_RUNTIME_DIR"/hutch/running \\
        "$XDG_RUNTIME_DIR"/hutch/monitors -mindepth 1 2>/dev/null; }
      ${script}`;
    const wrapper = [...world({ setup }), 'sh', '-c', words, 'sh'];
    const outcome = await box.hutch([], { wrapper, env: { HUTCH_DATA: `${small}/data` } });
    assert.equal(outcome.stderr.replace(ONE_ID, ''), '');
    assert.equal(await remaining(5000), '');
    return outcome;
  };

  it('a container goes on without its log, which tells afterwards how much is missing', async () => {
    const { stdout } =
      await onSmallDisk(`run talks -d -e FILL=$(printf %0200d 0) host sh -c '${TALKS.replaceAll("'", `'\\''`)}' >/dev/null
      sleep 0.3; fill; sleep 0.5
      h ps --format '{{.Names}} {{.State}}'; h logs talks | sed -n '1s/ 0*$//p'; before=$(h logs talks | wc -l)
      free; sleep 0.5
      h logs talks | grep -v '^line'; [ $(h logs talks | wc -l) -gt $before ] && echo more
      fill; h stop talks; h ps -a --format '{{.Names}} {{.State}}'; h rm talks; left`);
    assert.match(
      stdout,
      /^talks running\nline 1\nhutch: \d+ bytes of output are missing here: the disk was full\nmore\ntalks\ntalks exited\ntalks\n$/u,
    );
  });

  it('a container meets ENOSPC in its own layer like any program, and is removed', async () => {
    const { stdout } =
      await onSmallDisk(`run eats host sh -c 'cat /dev/zero 2>&1 >/var/tmp/x; echo ended with $?; exit 7'
      h ps -a --format '{{.Names}} {{.State}} {{.ExitCode}}'; h logs eats | wc -l; h rm eats; left; run more --rm host echo room`);
    assert.match(stdout, /No space left on device\nended with 1\neats exited 7\n\d+\neats\nroom\n$/u);
  });

  it('what needs a new record is refused in words, and changes nothing', async () => {
    const { stdout } = await onSmallDisk(`h create --name old --net none host sleep 1000 >/dev/null; fill
      h rename old new; h create --name other --net none host true; run third -d host true
      h ps -a --format '{{.Names}} {{.State}}'; h images -q | wc -l
      h rm old; left; free; run fourth --rm host echo room`);
    const full = String.raw`hutch: [^\n]*ENOSPC[^\n]*\n(?:  [^\n]*\n)*?  fix: free some space[^\n]*\n`;
    assert.match(stdout, new RegExp(`^(?:${full}){3}old created\n\\d+\nold\nroom\n$`, 'u'));
  });

  it('an image that cannot be committed is not there, and nothing of it', async () => {
    const { stdout } = await onSmallDisk(`mkdir ${small}/tree; echo word >${small}/tree/file
      tar -C ${small}/tree -cf ${small}/tree.tar . && h image import -q ${small}/tree.tar tree:1 >/dev/null
      h create --name old --net none tree:1 /file >/dev/null; head -c 500000 /dev/urandom >${small}/large; h cp ${small}/large old:/large
      before=$(find "$HUTCH_DATA" -type f 2>/dev/null | sort); fill; h commit -q old new:1; free
      h images --format '{{.Repository}}' | sort | uniq; [ "$before" = "$(find "$HUTCH_DATA" -type f 2>/dev/null | sort)" ] && echo nothing left
      h check; h commit -q old new:1 | wc -l; h images --format '{{.Repository}}' | grep new; h rm old`);
    assert.match(stdout, /^hutch: [^\n]*ENOSPC[^\n]*\n(?:  [^\n]*\n)*?  fix: free some space[^]*\nnothing left\n/u);
    assert.doesNotMatch(stdout.split('nothing')[0] ?? '', /^new|\/new$/mu);
    assert.match(stdout, /\n1\n\S*new\nold\n$/u);
  });

  it('a file that does not fit is not copied by halves, neither in nor out', async () => {
    const { stdout } = await onSmallDisk(`mkdir ${small}/tree; echo word >${small}/tree/file
      tar -C ${small}/tree -cf ${small}/tree.tar . && h image import -q ${small}/tree.tar tree:1 >/dev/null
      h create --name old --net none tree:1 /file >/dev/null; head -c 500000 /dev/urandom >${small}/large; h cp ${small}/large old:/first
      fill; truncate -s -200000 ${small}/filler; h cp ${small}/large old:/second; h diff old | grep second
      h cp old:/first ${small}/third; ls ${small} | grep third; free; h cp old:/first ${small}/third; cmp ${small}/large ${small}/third && echo whole
      h check; h rm old`);
    const full = String.raw`hutch: [^\n]*ENOSPC\n  fix: free some space`;
    assert.match(
      stdout,
      new RegExp(
        `^${full} \\(hutch rmi[^\n]*\n${full} there, or copy to another file system\nwhole\nNothing[^\n]*\nold\n$`,
        'u',
      ),
    );
  });

  it('a file that is to be replaced stays what it is when the new one does not fit, in a container and outside', async () => {
    const { stdout } = await onSmallDisk(`mkdir ${small}/tree; echo word >${small}/tree/file
      tar -C ${small}/tree -cf ${small}/tree.tar . && h image import -q ${small}/tree.tar tree:1 >/dev/null
      h create --name old --net none tree:1 /file >/dev/null; head -c 500000 /dev/urandom >${small}/large
      echo old >${small}/out; h cp ${small}/out old:/in; h cp ${small}/large old:/large
      fill; truncate -s -200000 ${small}/filler; h cp ${small}/large old:/in | grep -c ENOSPC; h cp old:/large ${small}/out | grep -c ENOSPC
      "$h" cp old:/in - 2>/dev/null | tar -xO; cat ${small}/out; find ${small} -name '.hutch-copy*' 2>/dev/null; free
      h cp ${small}/large old:/in; h cp old:/in ${small}/out; cmp ${small}/large ${small}/out && echo replaced; h rm old`);
    assert.equal(stdout, '1\n1\nold\nold\nreplaced\nold\n');
  });

  it('a container that cannot be started there is what it was before', async () => {
    const { stdout } = await onSmallDisk(`h create --name old --net none host sh -c 'echo ran' >/dev/null; fill
      h start old >/dev/null; h ps -a --format '{{.Names}}'; free; h start -a old; h rm -f old; left`);
    assert.match(stdout, /(?:^|\n)old\nran\nold\n$/u);
  });
});
