/*
 * The attacker of the security tests: one static program that tries things and prints "NAME RESULT" lines, where RESULT
 * is OK or the name of an errno. It runs in containers, and outside of them as a control that shows that it can succeed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KEYCTL_JOIN_SESSION_KEYRING 1
#define KEYCTL_SEARCH 10
#define KEY_SPEC_SESSION_KEYRING (-3)
#define KEY_SPEC_USER_KEYRING (-4)
#define KEY_NAME "hutch-probe"
#define X32_BIT 0x40000000

static void say(const char *name, long result) {
  if (result >= 0) printf("%s OK\n", name);
  else printf("%s %s\n", name, strerrorname_np(errno));
  fflush(stdout);
}

/* Prints what `expression` gives when it is tried in a child: it may end the process or change it. */
#define TRY(name, expression) \
  do { \
    pid_t child = fork(); \
    if (child == 0) { \
      errno = 0; \
      say(name, (long)(expression)); \
      _exit(0); \
    } \
    int status = 0; \
    waitpid(child, &status, 0); \
    if (WIFSIGNALED(status)) { printf("%s SIGNAL-%d\n", name, WTERMSIG(status)); fflush(stdout); } \
  } while (0)

static long write_to(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  return fd < 0 ? -1 : write(fd, text, strlen(text));
}

static long clone_flag(unsigned long flags) {
  long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) _exit(0);
  return pid;
}

static long clone3_flag(unsigned long flags) {
  struct clone_args args = {.flags = flags, .exit_signal = SIGCHLD};
  long pid = syscall(SYS_clone3, &args, sizeof args);
  if (pid == 0) _exit(0);
  return pid;
}

static long make_node(const char *path, mode_t type, dev_t device) {
  long result = mknod(path, type | 0600, device);
  if (result == 0) unlink(path);
  return result;
}

static long mount_tmpfs(void) { return mount("probe", "/tmp", "tmpfs", 0, ""); }

static long nested_mount(void) { return unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ? -1 : mount_tmpfs(); }

#ifdef __x86_64__
/* A call by the gate of 32-bit programs, from a 64-bit one: what a filter for one architecture only lets through. */
static long call_32(long number, long first, long second, long third) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first), "c"(second), "d"(third) : "memory", "r8", "r9", "r10", "r11");
  if ((int)result < 0 && (int)result > -4096) {
    errno = -(int)result;
    return -1;
  }
  return (int)result;
}
#endif

static void try_calls(void) {
  struct timespec bad_time = {0, -1};
  char pad[256] = {0};
  TRY("mount", mount_tmpfs());
  TRY("umount", umount2("/proc/interrupts", MNT_DETACH));
  TRY("remount", mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL));
  TRY("pivot_root", syscall(SYS_pivot_root, "/", "/"));
  TRY("fsopen", syscall(430, "tmpfs", 0));
  TRY("open_tree", syscall(428, AT_FDCWD, "/", 1));
  TRY("unshare-user", unshare(CLONE_NEWUSER));
  TRY("unshare-mount", unshare(CLONE_NEWNS));
  TRY("clone-user", clone_flag(CLONE_NEWUSER));
  TRY("clone3-user", clone3_flag(CLONE_NEWUSER));
  TRY("nested-mount", nested_mount());
  TRY("setns", setns(-1, 0));
  TRY("write-sysctl", write_to("/proc/sys/net/ipv4/ip_forward", "0"));
  TRY("write-hostname", write_to("/proc/sys/kernel/hostname", "probe"));
  TRY("write-core_pattern", write_to("/proc/sys/kernel/core_pattern", "|/x"));
  TRY("write-uevent_helper", write_to("/sys/kernel/uevent_helper", "/x"));
  TRY("write-sysrq", write_to("/proc/sysrq-trigger", "h"));
  TRY("mknod-block", make_node("/tmp/probe-node", S_IFBLK, makedev(8, 0)));
  TRY("mknod-char", make_node("/tmp/probe-node", S_IFCHR, makedev(1, 3)));
  TRY("mknod-fifo", make_node("/tmp/probe-node", S_IFIFO, 0));
  /* Arguments that the kernel calls wrong before it asks for privilege: so a refusal is the filter's. */
  TRY("reboot", syscall(SYS_reboot, 0, 0, 0, 0));
  TRY("swapon", syscall(SYS_swapon, "/", -1));
  TRY("clock_settime", syscall(SYS_clock_settime, CLOCK_REALTIME, &bad_time));
  TRY("perf_event_open", syscall(SYS_perf_event_open, pad, 0, -1, -1, ~0UL));
  TRY("bpf", syscall(SYS_bpf, -1, pad, sizeof pad));
  TRY("userfaultfd", syscall(SYS_userfaultfd, 1));
  TRY("io_uring_setup", syscall(425, 0, pad));
  TRY("open_by_handle_at", syscall(SYS_open_by_handle_at, -1, 0, 0));
  TRY("quotactl", syscall(SYS_quotactl, -1, 0, 0, 0));
  TRY("keyctl", syscall(SYS_keyctl, 0, KEY_SPEC_SESSION_KEYRING, 1));
  TRY("add_key", syscall(SYS_add_key, "user", "probe", "x", 1, KEY_SPEC_USER_KEYRING));
  TRY("request_key", syscall(SYS_request_key, "user", "hutch-no-such-key", 0, 0));
  /* Refused by the kernel in any user namespace, by the filter or not. */
  TRY("kexec_load", syscall(SYS_kexec_load, 0, 0, 0, 0));
  TRY("init_module", syscall(SYS_init_module, pad, 0, ""));
  TRY("delete_module", syscall(SYS_delete_module, "probe", 0));
  TRY("acct", syscall(SYS_acct, 0));
  TRY("socket-packet", socket(AF_PACKET, SOCK_RAW, 0));
  TRY("socket-raw", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
  TRY("socket-alg", socket(AF_ALG, SOCK_SEQPACKET, 0));
  TRY("socket-vsock", socket(AF_VSOCK, SOCK_STREAM, 0));
  TRY("socket-inet", socket(AF_INET, SOCK_DGRAM, 0));
  TRY("socket-ping", socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
  TRY("call-999", syscall(999));
#ifdef __x86_64__
  TRY("iopl", syscall(SYS_iopl, 4));
  TRY("ioperm", syscall(SYS_ioperm, 0, 0, 0));
  TRY("x32-unshare-mount", syscall(X32_BIT | SYS_unshare, CLONE_NEWNS));
  TRY("i386-getpid", call_32(20, 0, 0, 0));
  TRY("i386-unshare-mount", call_32(310, CLONE_NEWNS, 0, 0));
  TRY("i386-keyctl", call_32(288, 0, KEY_SPEC_SESSION_KEYRING, 1));
  TRY("i386-socket-alg", call_32(359, AF_ALG, SOCK_SEQPACKET, 0));
  TRY("i386-reboot", call_32(88, 0, 0, 0));
#endif
}

static long count_bytes(const char *path) {
  char buffer[4096];
  long total = 0, count;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  while ((count = read(fd, buffer, sizeof buffer)) > 0 && total < 65536) total += count;
  close(fd);
  return count < 0 ? -1 : total;
}

static long count_entries(const char *path) {
  long total = 0;
  DIR *directory = opendir(path);
  if (directory == NULL) return -1;
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) total += entry->d_name[0] != '.';
  closedir(directory);
  return total;
}

/* "PATH ro" or "PATH rw": how the mount at each path lets itself be written. */
static void show_mounts(char **paths) {
  struct statvfs stats;
  for (; *paths != NULL; paths++) {
    if (statvfs(*paths, &stats) < 0) printf("%s %s\n", *paths, strerrorname_np(errno));
    else printf("%s %s\n", *paths, stats.f_flag & ST_RDONLY ? "ro" : "rw");
  }
}

/* "PATH N": the bytes of a file or the entries of a directory that can be read, or why they cannot. */
static void read_paths(char **paths) {
  for (; *paths != NULL; paths++) {
    struct stat stats;
    long size = stat(*paths, &stats) < 0 ? -1 : S_ISDIR(stats.st_mode) ? count_entries(*paths) : count_bytes(*paths);
    if (size < 0) printf("%s %s\n", *paths, strerrorname_np(errno));
    else printf("%s %ld\n", *paths, size);
  }
}

static void show_descriptors(void) {
  for (int fd = 0; fd < 20000; fd++) {
    if (fcntl(fd, F_GETFD) >= 0) printf("%d ", fd);
  }
  printf("\n");
}

static void show_session(void) {
  int terminal = open("/dev/tty", O_RDWR);
  printf("pid %d\nsession %d\ngroup %d\n", getpid(), getsid(0), getpgrp());
  say("open-tty", terminal);
}

/* Types TEXT into the terminal behind a descriptor, as if its user had. */
static void type_into(const char *name, int fd, const char *text) {
  long result = 0;
  for (; *text != '\0' && result == 0; text++) result = ioctl(fd, TIOCSTI, text);
  say(name, result);
}

static void type_text(const char *text) {
  char paste = 3;
  type_into("stdin", 0, text);
  type_into("stdout", 1, text);
  type_into("tty", open("/dev/tty", O_RDWR), text);
  say("paste", ioctl(0, TIOCLINUX, &paste));
}

/* Swaps two names as fast as it can until it is killed; both exist at every moment. */
static int flip(const char *one, const char *other) {
  while (syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, 2) == 0) usleep(20);
  perror("renameat2");
  return 1;
}

static int with_key(char **command) {
  syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
  if (syscall(SYS_add_key, "user", KEY_NAME, "secret", 6, KEY_SPEC_SESSION_KEYRING) < 0) perror("add_key");
  /* Any process that has the keyring may search it and link it on: as loose as keys can be. */
  syscall(SYS_keyctl, 5, KEY_SPEC_SESSION_KEYRING, 0x3f3f3f3f);
  execvp(command[0], command);
  return 127;
}

/* Runs COMMAND with descriptors of the host's root, low and high ones, as a careless caller might. */
static int with_descriptors(char **command) {
  int root = open("/", O_RDONLY | O_DIRECTORY);
  for (int fd = 20; fd < 220; fd++) dup2(root, fd);
  for (int fd = 900; fd < 910; fd++) dup2(root, fd);
  execvp(command[0], command);
  return 127;
}

/* Puts a key into the session's keyring, for everybody who has that, and waits. */
static int keep_key(void) {
  if (syscall(SYS_add_key, "user", KEY_NAME, "secret", 6, KEY_SPEC_SESSION_KEYRING) < 0) return perror("add_key"), 1;
  if (syscall(SYS_add_key, "user", KEY_NAME, "secret", 6, KEY_SPEC_USER_KEYRING) < 0) return perror("add_key"), 1;
  syscall(SYS_keyctl, 5, KEY_SPEC_SESSION_KEYRING, 0x3f3f3f3f);
  printf("kept\n");
  fflush(stdout);
  pause();
  return 0;
}

static long search_key(int keyring) { return syscall(SYS_keyctl, KEYCTL_SEARCH, keyring, "user", KEY_NAME, 0); }

static void find_key(void) { say("find-key", search_key(KEY_SPEC_SESSION_KEYRING)); }

static int unix_address(struct sockaddr_un *address, const char *name, int is_abstract) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  strncpy(address->sun_path + is_abstract, name, sizeof address->sun_path - 2);
  return (int)(offsetof(struct sockaddr_un, sun_path) + is_abstract + strlen(name) + !is_abstract);
}

static long finish_connect(int fd, const struct sockaddr *address, socklen_t length) {
  struct pollfd ready = {.fd = fd, .events = POLLOUT};
  int failure = 0;
  socklen_t size = sizeof failure;
  if (connect(fd, address, length) == 0) return 0;
  if (errno != EINPROGRESS) return -1;
  if (poll(&ready, 1, 1500) == 0) failure = ETIMEDOUT;
  else getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size);
  errno = failure;
  return failure == 0 ? 0 : -1;
}

/* ADDRESS is tcp4/HOST/PORT, tcp6/HOST/PORT or abstract/NAME. */
static long connect_to(char *address) {
  char *kind = strtok(address, "/"), *host = strtok(NULL, "/"), *port = strtok(NULL, "/");
  struct sockaddr_in four = {.sin_family = AF_INET};
  struct sockaddr_in6 six = {.sin6_family = AF_INET6};
  struct sockaddr_un local;
  if (strcmp(kind, "abstract") == 0) {
    int length = unix_address(&local, host, 1);
    return finish_connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&local, (socklen_t)length);
  }
  four.sin_port = six.sin6_port = htons((unsigned short)atoi(port));
  if (strcmp(kind, "tcp4") == 0) {
    inet_pton(AF_INET, host, &four.sin_addr);
    return finish_connect(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), (struct sockaddr *)&four, sizeof four);
  }
  inet_pton(AF_INET6, host, &six.sin6_addr);
  return finish_connect(socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0), (struct sockaddr *)&six, sizeof six);
}

static void connect_all(char **addresses) {
  for (; *addresses != NULL; addresses++) {
    char name[256];
    snprintf(name, sizeof name, "%s", *addresses);
    TRY(name, connect_to(*addresses));
  }
}

union control {
  struct cmsghdr header;
  char space[CMSG_SPACE(sizeof(int))];
};

/* Hands a descriptor of DIRECTORY to each process that connects to the socket at PATH, until it is killed. */
static int give_directory(const char *path, const char *directory) {
  struct sockaddr_un address;
  int server = socket(AF_UNIX, SOCK_STREAM, 0), fd = open(directory, O_RDONLY | O_DIRECTORY);
  int length = unix_address(&address, path, 0);
  if (fd < 0 || bind(server, (struct sockaddr *)&address, (socklen_t)length) < 0 || listen(server, 4) < 0) return 1;
  printf("ready\n");
  fflush(stdout);
  for (;;) {
    union control control;
    char byte = 'x';
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    int peer = accept(server, NULL, NULL);
    memset(&control, 0, sizeof control);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    sendmsg(peer, &message, 0);
    close(peer);
  }
}

/* Gets a directory from the socket at PATH and reads NAME in it. */
static int take_directory(const char *path, const char *name) {
  struct sockaddr_un address;
  union control control;
  char byte, text[256] = {0};
  struct iovec data = {&byte, 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0), directory, file;
  int length = unix_address(&address, path, 0);
  if (connect(fd, (struct sockaddr *)&address, (socklen_t)length) < 0 || recvmsg(fd, &message, 0) < 0) return perror(path), 1;
  memcpy(&directory, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof directory);
  say("take-directory", directory);
  file = openat(directory, name, O_RDONLY);
  say("open-beneath", file);
  if (file >= 0 && read(file, text, sizeof text - 1) > 0) printf("content %s\n", text);
  return 0;
}

/* For SECONDS: tries to look into every process in sight but its own; prints how many inits were seen and what was read. */
static void peek(int seconds) {
  static const char *const secrets[] = {"environ", "exe", "root", "mem", "maps"};
  time_t end = time(NULL) + seconds;
  long seen = 0, looked = 0;
  while (time(NULL) < end) {
    DIR *all = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(all)) != NULL;) {
      char path[300], target[256];
      int pid = atoi(entry->d_name);
      if (pid <= 0 || pid == getpid()) continue;
      snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
      int fd = open(path, O_RDONLY);
      long count = fd < 0 ? 0 : read(fd, target, sizeof target - 1);
      close(fd);
      /* At the end of a chain, and forked. */
      if (count > 0 && memmem(target, (size_t)count, "init.cjs", 8) != NULL) seen++;
      if (count > 0 && memmem(target, (size_t)count, "hutch-init", 10) != NULL) seen++;
      for (size_t index = 0; index < sizeof secrets / sizeof *secrets; index++) {
        snprintf(path, sizeof path, "/proc/%d/%s", pid, secrets[index]);
        looked++;
        if (readlink(path, target, sizeof target) > 0) printf("read %s\n", path);
        else if (index != 1 && index != 2 && (fd = open(path, O_RDONLY)) >= 0) {
          if (read(fd, target, 1) > 0 || index == 3) printf("read %s\n", path);
          close(fd);
        }
      }
    }
    closedir(all);
  }
  printf("inits %ld\nlooked %ld\n", seen, looked);
}

static long open_of(int pid, const char *name, int flags) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  return open(path, flags);
}

static long read_link_of(int pid, const char *name) {
  char path[64], target[256];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  return readlink(path, target, sizeof target);
}

static long read_byte_of(int pid, const char *name) {
  char byte;
  long fd = open_of(pid, name, O_RDONLY);
  return fd < 0 ? -1 : read((int)fd, &byte, 1);
}

/* An address that nobody has: EFAULT comes after the question whether one may. */
static long read_memory_of(int pid) {
  char byte;
  struct iovec here = {&byte, 1}, there = {(void *)8, 1};
  long count = process_vm_readv(pid, &here, 1, &there, 1, 0);
  return count < 0 && errno == EFAULT ? 0 : count;
}

static long take_descriptor_of(int pid) { return syscall(438, syscall(434, pid, 0), 0, 0); }

static long enter(int pid, int flags) { return setns((int)syscall(434, pid, 0), flags); }

/* What can be had of each process in PIDS: signals, memory, descriptors, root, namespaces. "NAME/PID RESULT". */
static void reach(char **pids) {
  char name[64];
  for (; *pids != NULL; pids++) {
    int pid = atoi(*pids);
#define REACH(what, expression) \
  do { \
    snprintf(name, sizeof name, what "/%d", pid); \
    TRY(name, expression); \
  } while (0)
    REACH("signal", kill(pid, 0));
    REACH("trace", ptrace(PTRACE_SEIZE, pid, 0, 0));
    REACH("memory", open_of(pid, "mem", O_RDWR));
    REACH("vm-read", read_memory_of(pid));
    REACH("take-descriptor", take_descriptor_of(pid));
    REACH("list-descriptors", open_of(pid, "fd", O_RDONLY | O_DIRECTORY) < 0 ? -1 : read_link_of(pid, "fd/0"));
    REACH("environment", read_byte_of(pid, "environ"));
    REACH("maps", read_byte_of(pid, "maps"));
    REACH("root", read_link_of(pid, "root"));
    REACH("directory", read_link_of(pid, "cwd"));
    REACH("program", read_link_of(pid, "exe"));
    REACH("namespace", open_of(pid, "ns/mnt", O_RDONLY));
    REACH("enter", enter(pid, CLONE_NEWUSER) < 0 ? -1 : enter(pid, CLONE_NEWNS));
  }
}

/* For SECONDS: looks into every other process that is run by Node, at what would lead out of the container; sums up. */
static void watch(int seconds) {
  struct stat own, its;
  stat("/", &own);
  time_t end = time(NULL) + seconds;
  long seen = 0, root = 0, written = 0, refused = 0, descriptors = 0, environment = 0;
  while (time(NULL) < end) {
    DIR *all = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(all)) != NULL;) {
      char path[300], target[4096];
      int pid = atoi(entry->d_name);
      if (pid <= 0 || pid == getpid()) continue;
      snprintf(path, sizeof path, "/proc/%d/exe", pid);
      long count = readlink(path, target, sizeof target - 1);
      if (count < 5 || memcmp(target + count - 5, "/node", 5) != 0) continue;
      seen++;
      int fd = open(path, O_RDONLY);
      char link[64];
      snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
      count = fd < 0 ? 0 : readlink(link, target, sizeof target);
      /* Not what was executed meanwhile. Its mode as it is: a change all the same. */
      if (count >= 5 && memcmp(target + count - 5, "/node", 5) == 0 && fstat(fd, &its) == 0) {
        if (fchmod(fd, its.st_mode & 07777) == 0) written++;
        else if (errno == EROFS) refused++;
      }
      close(fd);
      snprintf(path, sizeof path, "/proc/%d/root", pid);
      if (stat(path, &its) == 0 && (its.st_dev != own.st_dev || its.st_ino != own.st_ino)) root++;
      snprintf(path, sizeof path, "/proc/%d/environ", pid);
      fd = open(path, O_RDONLY);
      count = fd < 0 ? 0 : read(fd, target, sizeof target);
      if (count > 0 && memmem(target, (size_t)count, "SECRET", 6) != NULL) environment++;
      close(fd);
      for (int number = 3; number < 64; number++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, number);
        if (stat(path, &its) == 0 && (S_ISREG(its.st_mode) || S_ISDIR(its.st_mode)) && its.st_dev != own.st_dev) descriptors++;
      }
    }
    closedir(all);
  }
  printf("seen %ld\nwritten %ld\nrefused %ld\nroot %ld\ndescriptors %ld\nenvironment %ld\n", seen, written, refused, root,
         descriptors, environment);
}

/* Several words in one run, each up to the next "--": a container costs more than what it is asked. */
static int perform(char **argv);

int main(int count, char **argv) {
  int status = 0, start = 1;
  if (count > 1 && strncmp(argv[1], "with-", 5) == 0) return perform(argv);
  for (int index = 1; index <= count; index++) {
    if (index < count && strcmp(argv[index], "--") != 0) continue;
    argv[index] = NULL;
    status |= perform(argv + start - 1);
    fflush(stdout);
    start = index + 1;
  }
  return status;
}

static int perform(char **argv) {
  const char *what = argv[1] == NULL ? "" : argv[1];
  if (strcmp(what, "calls") == 0) try_calls();
  else if (strcmp(what, "read") == 0) read_paths(argv + 2);
  else if (strcmp(what, "mounts") == 0) show_mounts(argv + 2);
  else if (strcmp(what, "descriptors") == 0) show_descriptors();
  else if (strcmp(what, "session") == 0) show_session();
  else if (strcmp(what, "keep-key") == 0) return keep_key();
  else if (strcmp(what, "find-user-key") == 0) say(what, search_key(KEY_SPEC_USER_KEYRING));
  else if (strcmp(what, "reach") == 0) reach(argv + 2);
  else if (strcmp(what, "ids") == 0) printf("%d %d %d %d\n", getuid(), geteuid(), getgid(), getegid());
  else if (strcmp(what, "type") == 0) type_text(argv[2]);
  else if (strcmp(what, "flip") == 0) return flip(argv[2], argv[3]);
  else if (strcmp(what, "with-key") == 0) return with_key(argv + 2);
  else if (strcmp(what, "with-descriptors") == 0) return with_descriptors(argv + 2);
  else if (strcmp(what, "find-key") == 0) find_key();
  else if (strcmp(what, "connect") == 0) connect_all(argv + 2);
  else if (strcmp(what, "give-directory") == 0) return give_directory(argv[2], argv[3]);
  else if (strcmp(what, "take-directory") == 0) return take_directory(argv[2], argv[3]);
  else if (strcmp(what, "peek") == 0) peek(atoi(argv[2]));
  else if (strcmp(what, "watch") == 0) watch(atoi(argv[2]));
  else return fprintf(stderr, "probe: unknown word\n"), 2;
  return 0;
}
