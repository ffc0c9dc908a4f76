/** The seccomp profiles of hutch as tables of what is allowed and why; pure, runs in the CLI. */

import type { SeccompArchitecture, SeccompArgument, SeccompProfile, SeccompRule } from '../../oci/seccomp.ts';
import { CLONE } from '../../linux/flags.ts';
import type { CapabilityName } from '../../linux/capabilities.ts';
import type { Architecture } from '../../linux/syscalls.ts';
import { parseCapabilities } from './parse-capabilities.ts';

const EPERM = 1;
const ENOSYS = 38;

/**
 * Calls that every container may make, by what they are for. The set is the one of docker's default profile (moby/profiles).
 * Left out on purpose, whatever the capabilities: keyrings (they are not namespaced), userfaultfd and io_uring (many kernel
 * exploits began there), kexec, swap, the old module and debugging calls.
 */
const PURPOSES: Readonly<Record<string, string>> = {
  openAndClose: `open openat openat2 creat close close_range dup dup2 dup3 fcntl fcntl64 ioctl umask memfd_create
    memfd_secret name_to_handle_at`,
  readAndWrite: `read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek _llseek sendfile sendfile64
    splice tee vmsplice copy_file_range readahead fadvise64 fadvise64_64 arm_fadvise64_64 fallocate truncate truncate64
    ftruncate ftruncate64 flock sync syncfs fsync fdatasync sync_file_range arm_sync_file_range cachestat`,
  asynchronousFiles: `io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents io_pgetevents_time64`,
  namesOfFiles: `chdir fchdir getcwd getdents getdents64 link linkat symlink symlinkat readlink readlinkat unlink unlinkat
    rename renameat renameat2 mkdir mkdirat rmdir mknod mknodat`,
  factsOfFiles: `stat stat64 lstat lstat64 fstat fstat64 newfstatat fstatat64 statx statfs statfs64 fstatfs fstatfs64 access
    faccessat faccessat2 chmod fchmod fchmodat fchmodat2 chown chown32 fchown fchown32 lchown lchown32 fchownat utime utimes
    futimesat utimensat utimensat_time64 statmount listmount`,
  attributesOfFiles: `getxattr lgetxattr fgetxattr getxattrat setxattr lsetxattr fsetxattr setxattrat listxattr llistxattr
    flistxattr listxattrat removexattr lremovexattr fremovexattr removexattrat`,
  watchingFiles: `inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark`,
  waitingForEvents: `select _newselect pselect6 pselect6_time64 poll ppoll ppoll_time64 epoll_create epoll_create1 epoll_ctl
    epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2 eventfd eventfd2`,
  pipesAndQueues: `pipe pipe2 mq_open mq_unlink mq_notify mq_getsetattr mq_timedsend mq_timedsend_time64 mq_timedreceive
    mq_timedreceive_time64 ipc msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl
    shmdt shmget`,
  sockets: `socketcall socketpair bind connect listen accept accept4 shutdown getsockname getpeername getsockopt setsockopt
    send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64`,
  processes: `fork vfork execve execveat exit exit_group wait4 waitid waitpid kill tkill tgkill pidfd_open pidfd_send_signal
    process_mrelease getpid getppid gettid getpgid getpgrp getsid setpgid setsid prctl arch_prctl uname sysinfo getcpu
    modify_ldt set_tls get_thread_area set_thread_area set_tid_address restart_syscall seccomp landlock_create_ruleset
    landlock_add_rule landlock_restrict_self`,
  tracing: `ptrace process_vm_readv process_vm_writev uretprobe breakpoint`,
  identity: `getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32 getresgid getresgid32
    getgroups getgroups32 setuid setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32 setresuid setresuid32
    setresgid setresgid32 setfsuid setfsuid32 setfsgid setfsgid32 setgroups setgroups32 capget capset`,
  memory: `brk mmap mmap2 munmap mremap mprotect madvise mincore msync mlock mlock2 mlockall munlock munlockall mseal
    remap_file_pages membarrier map_shadow_stack pkey_alloc pkey_free pkey_mprotect cacheflush`,
  threads: `futex futex_time64 futex_wait futex_waitv futex_wake futex_requeue set_robust_list get_robust_list rseq`,
  scheduling: `sched_yield sched_getaffinity sched_setaffinity sched_getattr sched_setattr sched_getparam sched_setparam
    sched_getscheduler sched_setscheduler sched_get_priority_max sched_get_priority_min sched_rr_get_interval
    sched_rr_get_interval_time64 getpriority setpriority ioprio_get ioprio_set getrlimit ugetrlimit setrlimit prlimit64
    getrusage times`,
  signals: `rt_sigaction rt_sigprocmask rt_sigpending rt_sigqueueinfo rt_tgsigqueueinfo rt_sigreturn rt_sigsuspend
    rt_sigtimedwait rt_sigtimedwait_time64 sigaltstack sigprocmask sigreturn signalfd signalfd4 pause`,
  time: `time gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64 clock_nanosleep
    clock_nanosleep_time64 nanosleep clock_adjtime clock_adjtime64 adjtimex alarm getitimer setitimer timer_create
    timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create
    timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64`,
  random: `getrandom`,
};

/** Calls that only make sense with a capability, and are allowed with it. */
const BY_CAPABILITY: Readonly<Partial<Record<CapabilityName, string>>> = {
  CAP_BPF: `bpf`,
  CAP_DAC_READ_SEARCH: `open_by_handle_at`,
  CAP_PERFMON: `perf_event_open`,
  CAP_SYSLOG: `syslog`,
  CAP_SYS_ADMIN: `clone clone3 unshare setns mount mount_setattr move_mount open_tree umount umount2 fsopen fsconfig fsmount
    fspick sethostname setdomainname bpf perf_event_open fanotify_init lookup_dcookie lsm_get_self_attr lsm_set_self_attr
    lsm_list_modules quotactl quotactl_fd syslog`,
  CAP_SYS_BOOT: `reboot`,
  CAP_SYS_CHROOT: `chroot`,
  CAP_SYS_MODULE: `init_module finit_module delete_module`,
  CAP_SYS_NICE: `mbind get_mempolicy set_mempolicy set_mempolicy_home_node`,
  CAP_SYS_PACCT: `acct`,
  CAP_SYS_PTRACE: `kcmp pidfd_getfd process_madvise`,
  CAP_SYS_RAWIO: `ioperm iopl`,
  CAP_SYS_TIME: `settimeofday stime clock_settime clock_settime64`,
  CAP_SYS_TTY_CONFIG: `vhangup`,
};

/** What a container engine, a browser sandbox or bubblewrap needs besides: namespaces, mounts, a session keyring. */
const NESTING = `clone clone3 unshare setns mount mount_setattr move_mount open_tree open_tree_attr umount umount2 pivot_root
  fsopen fsconfig fsmount fspick keyctl sethostname setdomainname pidfd_getfd`;

/** personality(2): Linux, 32 bit, each also with UNAME26, and the question what it is now. */
const PERSONALITIES = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];

/**
 * Socket families by number. Not among them: AF_ALG (38; kernel exploits), AF_VSOCK (40; reaches the hypervisor past the
 * network namespace), and families of hardware that is gone (12, 19, 20, 23, 25, 34, 37). A list of what is allowed also
 * catches an argument with bits above 32, which the kernel drops. socketcall(2) of 32-bit x86 keeps its arguments in
 * memory, where no filter sees them: it is the one way around this.
 */
const FIRST_FAMILIES_END = 12;
const OTHER_FAMILIES = [
  13, 14, 15, 16, 17, 18, 21, 22, 24, 26, 27, 28, 29, 30, 31, 32, 33, 35, 36, 39, 41, 42, 43, 44, 45,
];

const NEW_NAMESPACES =
  CLONE.NEWNS | CLONE.NEWCGROUP | CLONE.NEWUTS | CLONE.NEWIPC | CLONE.NEWUSER | CLONE.NEWPID | CLONE.NEWNET;

const FAMILY_OF: Readonly<Record<Architecture, readonly SeccompArchitecture[]>> = {
  x86_64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  x32: ['SCMP_ARCH_X32', 'SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
  x86: ['SCMP_ARCH_X86'],
  aarch64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
  arm: ['SCMP_ARCH_ARM'],
};

/**
 * The profile that containers get unless told otherwise, as a runtime-spec `linux.seccomp` object.
 * @param capabilities - the payload's bounding set; names in any case, with or without `CAP_`. Throws USAGE_INVALID for an unknown one.
 * @param architecture - of the host's kernel; its 32-bit companions are filtered along with it.
 */
export function defaultSeccompProfile(capabilities: readonly string[], architecture: Architecture): SeccompProfile {
  const held = parseCapabilities(capabilities);
  const namespaces = held.includes('CAP_SYS_ADMIN') ? [] : NO_NEW_NAMESPACES;
  return profileOf(architecture, [...grantedBy(held), ...namespaces]);
}

/**
 * The profile of `--security-opt seccomp=nesting`: the default and what running containers inside the container needs.
 * Parameters and errors as for `defaultSeccompProfile`.
 */
export function nestingSeccompProfile(capabilities: readonly string[], architecture: Architecture): SeccompProfile {
  return profileOf(architecture, [...grantedBy(parseCapabilities(capabilities)), allow(NESTING)]);
}

function profileOf(architecture: Architecture, grants: readonly SeccompRule[]): SeccompProfile {
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: EPERM,
    architectures: FAMILY_OF[architecture],
    syscalls: [...Object.values(PURPOSES).map((names) => allow(names)), ...grants, ...ARGUMENT_RULES],
  };
}

function grantedBy(capabilities: readonly CapabilityName[]): SeccompRule[] {
  return capabilities.flatMap((capability) => BY_CAPABILITY[capability] ?? []).map((names) => allow(names));
}

function allow(names: string, argument?: SeccompArgument): SeccompRule {
  const rule = { names: names.split(/\s+/u), action: 'SCMP_ACT_ALLOW' } as const;
  return argument === undefined ? rule : { ...rule, args: [argument] };
}

const firstIs = (op: SeccompArgument['op'], value: number): SeccompArgument => ({ index: 0, op, value });

const ARGUMENT_RULES: readonly SeccompRule[] = [
  ...PERSONALITIES.map((value) => allow('personality', firstIs('SCMP_CMP_EQ', value))),
  allow('socket', firstIs('SCMP_CMP_LT', FIRST_FAMILIES_END)),
  ...OTHER_FAMILIES.map((value) => allow('socket', firstIs('SCMP_CMP_EQ', value))),
];

/**
 * Without CAP_SYS_ADMIN: clone(2) with no namespace flag; clone3(2), whose flags lie behind a pointer, looks absent, so that
 * C libraries fall back to clone(2).
 */
const NO_NEW_NAMESPACES: readonly SeccompRule[] = [
  allow('clone', { index: 0, op: 'SCMP_CMP_MASKED_EQ', value: NEW_NAMESPACES, valueTwo: 0 }),
  { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
];
