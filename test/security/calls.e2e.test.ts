/**
 * System calls and files that a payload has no business with, tried in a container and, as the control, in one with
 * --privileged: there each must give something else, which shows that the attempt was a real one.
 */

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { makeSandbox } from '../e2e/sandbox.ts';
import { attackerSkip, makeAttacker, type Attacker, type Results } from './attacker.ts';

const REFUSED = 'EPERM';

/** What the fences of hutch refuse and the kernel alone would not. */
const FENCED = [
  ...['mount', 'umount', 'remount', 'pivot_root', 'fsopen', 'open_tree'],
  ...['unshare-user', 'unshare-mount', 'clone-user', 'nested-mount', 'setns'],
  ...['reboot', 'swapon', 'clock_settime', 'perf_event_open', 'open_by_handle_at', 'quotactl'],
  ...['keyctl', 'add_key', 'request_key', 'socket-packet', 'socket-raw'],
];
/** Calls that some kernels refuse by themselves, or lack: there the control may give the same. */
const FENCED_TWICE = [
  ...['bpf', 'userfaultfd', 'io_uring_setup', 'kexec_load', 'init_module', 'delete_module', 'acct'],
  ...['socket-alg', 'socket-vsock', 'mknod-block', 'mknod-char'],
];
const FENCED_ON_X86 = ['i386-unshare-mount', 'i386-keyctl', 'i386-reboot'];
const FENCED_TWICE_ON_X86 = ['iopl', 'ioperm', 'i386-socket-alg', 'x32-unshare-mount'];
/** What must go on working: a filter that refuses everything is none. */
const ALLOWED = ['mknod-fifo', 'socket-inet', 'socket-ping'];

const isX86 = process.arch === 'x64';

describe('a payload with the default options', { skip: attackerSkip() }, () => {
  const box = makeSandbox();
  let attacker: Attacker;
  let fenced: Results;
  let control: Results;
  before(async () => {
    attacker = await makeAttacker(box);
    fenced = await attacker.attack('calls');
    control = await attacker.attack('calls', '--privileged');
  });

  function of(results: Results, names: readonly string[]): Results {
    return Object.fromEntries(names.map((name) => [name, results[name] ?? 'nothing']));
  }

  function all(names: readonly string[], result: string): Results {
    return Object.fromEntries(names.map((name) => [name, result]));
  }

  it('is refused what would change mounts, namespaces, clocks, keys and the kernel', () => {
    const names = [...FENCED, ...FENCED_TWICE];
    assert.deepEqual(of(fenced, names), all(names, REFUSED));
  });

  it('would not have been refused it by the kernel alone', () => {
    assert.deepEqual(
      FENCED.filter((name) => [REFUSED, undefined].includes(control[name])),
      [],
    );
  });

  it('is refused the same by the calls of 32-bit programs', { skip: isX86 ? false : 'not an x86-64 host' }, () => {
    const names = [...FENCED_ON_X86, ...FENCED_TWICE_ON_X86];
    assert.deepEqual(of(fenced, names), all(names, REFUSED));
    if (control['i386-getpid'] !== 'OK') return;
    assert.equal(fenced['i386-getpid'], 'OK', '32-bit programs run');
    assert.deepEqual(
      FENCED_ON_X86.filter((name) => [REFUSED, undefined].includes(control[name])),
      [],
    );
  });

  it('learns that a call is unknown rather than forbidden, so that libraries take their older way', () => {
    assert.equal(fenced['call-999'], 'ENOSYS');
    assert.equal(fenced['clone3-user'], 'ENOSYS');
    assert.equal(control['clone3-user'], 'OK');
  });

  it('may do what programs need', () => {
    assert.deepEqual(of(fenced, ALLOWED), all(ALLOWED, 'OK'));
  });

  it('cannot write the settings of the kernel', async () => {
    for (const name of ['write-hostname', 'write-core_pattern', 'write-uevent_helper', 'write-sysrq']) {
      assert.match(fenced[name] ?? 'nothing', /^(?:EACCES|EROFS|ENOENT|EPERM)$/u, name);
    }
    // With the capability for it: now only the mount stands in the way.
    const capable = await attacker.attack('calls', '--cap-add', 'NET_ADMIN');
    assert.equal(capable['write-sysctl'], 'EROFS');
    assert.equal(control['write-sysctl'], 'OK');
  });
});

const READ_ONLY = ['/proc/sys', '/proc/bus', '/proc/fs', '/proc/irq', '/sys'];
const MASKED = [
  ...['/proc/acpi', '/proc/asound', '/proc/interrupts', '/proc/kcore', '/proc/keys', '/proc/latency_stats'],
  ...['/proc/sched_debug', '/proc/scsi', '/proc/timer_list', '/proc/timer_stats'],
  ...['/sys/dev/block', '/sys/devices/virtual/powercap', '/sys/firmware', '/sys/fs/selinux'],
];

describe('the /proc and /sys of a container', { skip: attackerSkip() }, () => {
  const box = makeSandbox();
  const words = `read ${MASKED.join(' ')} -- mounts ${READ_ONLY.join(' ')}`;
  let attacker: Attacker;
  let fenced: Results;
  let control: Results;
  before(async () => {
    attacker = await makeAttacker(box);
    fenced = await attacker.attack(words);
    control = await attacker.attack(words, '--privileged');
  });

  it('show nothing of what is masked', () => {
    assert.deepEqual(
      MASKED.filter((at) => !['0', 'ENOENT'].includes(fenced[at] ?? '')),
      [],
    );
    const shown = MASKED.filter((at) => Number(control[at]) > 0);
    assert.ok(shown.includes('/proc/interrupts') && shown.length >= 3, `the control shows only ${shown.join(' ')}`);
    assert.deepEqual(
      shown.filter((at) => fenced[at] !== '0'),
      [],
    );
  });

  it('are read-only where the kernel takes orders', () => {
    const there = READ_ONLY.filter((at) => control[at] !== 'ENOENT');
    assert.ok(there.length >= 3);
    assert.deepEqual(
      there.filter((at) => fenced[at] !== 'ro' || control[at] !== 'rw'),
      [],
    );
  });

  it('are covered and uncovered path by path with --security-opt', async () => {
    const results = await attacker.attack(
      'read /proc/interrupts /proc/keys /proc/version',
      ...['--security-opt', 'unmask=/proc/interrupts', '--security-opt', 'mask=/proc/version'],
    );
    assert.ok(Number(results['/proc/interrupts']) > 0);
    assert.equal(results['/proc/keys'], '0');
    assert.equal(results['/proc/version'], '0');
  });
});
