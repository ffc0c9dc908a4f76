#!/usr/bin/env bash
# A container by hand: this script does with util-linux, newuidmap and coreutils what hutch does with system
# calls.
# Save it to a file and run it as an ordinary user with `bash FILE`. Each step bears its number in the plan
# and its reason; what bash cannot do is said at its place and again at the end.
# The script starts itself anew with the name of a stage at each border that a process must cross by an
# execve(2). It prints nothing to stdout.
set -euo pipefail
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
umask 022
STEP='the start of the namespaces'
set -E
trap '[ "$BASH_SUBSHELL" -gt 0 ] || echo "$0: failed at $STEP: $BASH_COMMAND" >&2; exit 125' ERR
if [ ! -f "$0" ]; then
  echo 'save this script to a file first: it starts itself several times' >&2
  exit 125
fi

# ask WRITE READ: tells the stage outside which process this is, as the host numbers it, and waits until that has done its part.
ask() {
  local pid answer _
  read -r pid _ </proc/self/stat
  echo "$pid" >&"$1"
  read -r -n 1 answer <&"$2"
  [ "$answer" = 1 ]
}

# On the host, as you.
#   uid 0 inside is uid 1000 outside
#   uids 1 to 65535 inside are uids 100000 to 165534 outside (65535 ids)
#   gid 0 inside is gid 1000 outside
#   gids 1 to 65535 inside are gids 100000 to 165534 outside (65535 ids)
#   the maps are written by newuidmap and newgidmap, which check /etc/subuid and /etc/subgid
host() {
  mkdir -p -m 0700 -- /home/user/.local/share/hutch/containers/2f6b
  [ -O /home/user/.local/share/hutch/containers/2f6b ]
  mkdir -p -- /home/user/.local/share/hutch/containers/2f6b/upper /home/user/.local/share/hutch/containers/2f6b/work /home/user/.local/share/hutch/containers/2f6b/root /home/user/.local/share/hutch/containers/2f6b/l
  ln -sfnT -- /home/user/.local/share/hutch/layers/top /home/user/.local/share/hutch/containers/2f6b/l/0
  ln -sfnT -- /home/user/.local/share/hutch/layers/base /home/user/.local/share/hutch/containers/2f6b/l/1
  printf %s '127.0.0.1 localhost
' >/home/user/.local/share/hutch/containers/2f6b/hosts
  printf %s 'golden
' >/home/user/.local/share/hutch/containers/2f6b/hostname
  printf %s 'options ndots:0
nameserver 10.89.0.1
' >/home/user/.local/share/hutch/containers/2f6b/resolv.conf
  coproc HOST_SIDE {
    read -r pid
    newuidmap "$pid" 0 1000 1 1 100000 65535
    newgidmap "$pid" 0 1000 1 1 100000 65535
    printf 1
    read -r || exit 0
  }
  exec 3>"/proc/self/fd/${HOST_SIDE[1]}" 4<"/proc/self/fd/${HOST_SIDE[0]}"
  setpriv --pdeathsig=KILL -- unshare --user --keep-caps --mount --pid --time --monotonic=0 --boottime=0 --fork --kill-child -- "$BASH" "$0" root || exit $?
}

root() {
  ask 3 4
  # 1. setsid()
  #    leave the session of whoever started hutch, so that no terminal of the host is in reach [hutch]
  STEP='step 1 (setsid)'
  # 2. setgroups([]), setresgid(0, 0, 0), setresuid(0, 0, 0)
  #    root of the user namespace prepares the container; groups of the host user are dropped [hutch]
  STEP='step 2 (become_root)'
  # 3. unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP)
  #    its own view of mounts, host name, message queues, network and cgroups [linux.namespaces]
  STEP='step 3 (unshare)'
  exec setsid --wait setpriv --reuid=0 --regid=0 --clear-groups -- unshare --mount --propagation=unchanged --uts --ipc --net --cgroup -- "$BASH" "$0" container
}

# Resolves a path of the container beneath $ROOT, symbolic links too, as openat2(2) does with RESOLVE_IN_ROOT; the answer
# is in $REPLY. Unlike openat2 it is not safe against somebody who swaps a directory for a link meanwhile.
beneath() {
  local rest=$1 at=$ROOT name link links=40
  case $1 in
    /proc | /sys | /dev)
      if [ -L "$ROOT$1" ]; then
        echo "the image has a symbolic link at $1" >&2
        return 1
      fi
      ;;
  esac
  while [ -n "$rest" ]; do
    case $rest in
      */*) name=${rest%%/*} rest=${rest#*/} ;;
      *) name=$rest rest= ;;
    esac
    case $name in
      '' | .) ;;
      ..) [ "$at" = "$ROOT" ] || at=${at%/*} ;;
      *)
        if [ -L "$at/$name" ]; then
          links=$((links - 1))
          if [ "$links" -eq 0 ]; then
            echo "too many symbolic links in $1" >&2
            return 1
          fi
          link=$(readlink -n -- "$at/$name" && printf .)
          link=${link%.}
          case $link in /*) at=$ROOT ;; esac
          rest=$link/$rest
        else
          at=$at/$name
        fi
        ;;
    esac
  done
  REPLY=$at
}

# directory TARGET [MODE]: a directory of the container, made where it is missing; $REPLY is its path on the host's side.
directory() {
  beneath "$1"
  [ -d "$REPLY" ] || mkdir -p -m "${2:-0755}" -- "$REPLY"
}

# symlink TARGET TO: a link of the container; what is there already stays.
symlink() {
  directory "${1%/*}/"
  local at=$REPLY/${1##*/}
  [ -e "$at" ] || [ -L "$at" ] || ln -s -- "$2" "$at"
}

# attributes MOUNTPOINT LIST: adds attributes to a mount and keeps those that it has, which the kernel may have locked.
attributes() {
  local have
  have=$(findmnt -n -o VFS-OPTIONS --mountpoint "$1" | tail -n 1)
  mount -o "remount,bind,$have,$2" -- "$1"
}

# attributes_below MOUNTPOINT LIST: the same for the mount and every mount below it.
attributes_below() {
  local point
  findmnt -R -n -r -o TARGET --mountpoint "$1" | while IFS= read -r point; do
    attributes "$(printf '%b' "$point")" "$2"
  done
}

# bind SOURCE TARGET (--bind|--rbind) ATTRIBUTES: a file or directory of the host at a place in the container.
bind() {
  if [ -d "$1" ]; then
    directory "$2"
  else
    directory "${2%/*}/"
    beneath "$2"
    [ -e "$REPLY" ] || : >"$REPLY"
  fi
  local at=$REPLY all=
  [ "$3" = --bind ] || all=yes
  mount "$3" -- "$1" "$at"
  mount "--make-${all:+r}private" -- "$at"
  if [ -n "$4" ]; then "attributes${all:+_below}" "$at" "$4"; fi
}

# mask TARGET: nothing to read there any more. All covered directories share one empty file system.
EMPTY=
mask() {
  beneath "$1"
  if [ ! -e "$REPLY" ]; then
    return
  elif [ ! -d "$REPLY" ]; then
    mount --bind -- /dev/null "$REPLY"
  elif [ -n "$EMPTY" ]; then
    mount --bind -- "$EMPTY" "$REPLY"
  else
    mount -t tmpfs -o nosuid,nodev,noexec,mode=755,nr_inodes=1 -- tmpfs "$REPLY"
    attributes "$REPLY" ro
    EMPTY=$REPLY
  fi
}

# read_only TARGET: a read-only view of a path over itself.
read_only() {
  beneath "$1"
  [ -e "$REPLY" ] || return 0
  mount --rbind -- "$REPLY" "$REPLY"
  attributes_below "$REPLY" ro
}

# Brings the few programs of the host that are needed after pivot_root, with their libraries, into a memory file system and
# changes to it. It is unmounted together with the host's tree: only the working directory keeps it, until the payload starts.
pack_tools() {
  local tool path name arrow library _
  mount -t tmpfs -o mode=755 -- tmpfs /sys
  cd /sys
  for tool in umount pivot_root prlimit setpriv env; do
    path=$(command -v "$tool")
    cp -L -- "$path" "$tool"
    while read -r name arrow library _; do
      case $name in
        /*) cp -L -- "$name" loader ;;
        *) if [ "$arrow" = '=>' ]; then cp -L -- "$library" "$name"; fi ;;
      esac
    done < <(ldd "$path")
  done
  chmod 0755 -- *
}

container() {
  local limits=() privileges=() environment=(-i) variables=() payload=() mask_of_files=0022 fd
  local host_program=(--inhibit-cache --library-path .)
  host_tool() { ./loader "${host_program[@]}" "./$@"; }

  # 4. mount(NULL, /, NULL, MS_REC | MS_SLAVE)
  #    mounts made from here on stay in this mount namespace [hutch]
  STEP='step 4 (make_slave)'
  mount --make-rslave /

  # 5. ask the hub to connect it to frontend (eth0), backend (eth1, IPv4 and IPv6)
  #    the hub of your networks puts one end of a cable into the new network namespace and the other into a
  #    bridge, and leads published ports here [annotations["org.hutch.network"]]
  #    Not by bash: the hub holds the bridges in a network namespace of its own, of another user namespace: by a
  #    socket opened there it makes a veth pair, one end of it in this container (ip link add … type veth peer …
  #    netns PID), gives that its address and route, and adds the names to its name server; here the container
  #    has lo alone.
  STEP='step 5 (wait_for)'

  # 6. sethostname(golden)
  #    a host name of its own [hostname]
  STEP='step 6 (set_hostname)'
  hostname -- golden

  # 7. chdir(/home/user/.local/share/hutch/containers/2f6b), mount(overlay,
  # /home/user/.local/share/hutch/containers/2f6b/root): lowerdir=l/0:l/1, upperdir=upper, workdir=work,
  # userxattr, volatile
  #    the layers of the image below, what the container writes above [root.path]
  STEP='step 7 (mount_overlay)'
  cd /home/user/.local/share/hutch/containers/2f6b
  mount -t overlay -o 'lowerdir=l/0:l/1,upperdir=upper,workdir=work,userxattr,volatile' -- overlay /home/user/.local/share/hutch/containers/2f6b/root

  # 8. open(/home/user/.local/share/hutch/containers/2f6b/root, O_PATH | O_DIRECTORY)
  #    every later target is resolved beneath this descriptor, whatever links the image has [root.path]
  STEP='step 8 (open_root)'
  ROOT=/home/user/.local/share/hutch/containers/2f6b/root

  # 9. fsopen(proc), fsmount(nosuid, nodev, noexec), move_mount(/proc)
  #    the processes of the container, seen through its own pid namespace [mounts[0]]
  STEP='step 9 (mount)'
  directory /proc
  mount -t proc -o nosuid,nodev,noexec -- proc "$REPLY"

  # 10. fsopen(tmpfs, mode=755, size=65536k), fsmount(nosuid, noexec), move_mount(/dev)
  #    a small /dev of its own, empty at first [mounts[1]]
  STEP='step 10 (mount)'
  directory /dev
  mount -t tmpfs -o 'nosuid,noexec,mode=755,size=65536k' -- tmpfs "$REPLY"

  # 11. open_tree(/dev/null), mount_setattr(nosuid, noexec), move_mount(/dev/null)
  #    the host's node: nobody may make device nodes in a user namespace [linux.devices[0]]
  STEP='step 11 (bind)'
  bind /dev/null /dev/null --bind nosuid,noexec

  # 12. open_tree(/dev/zero), mount_setattr(nosuid, noexec), move_mount(/dev/zero)
  #    the host's node: nobody may make device nodes in a user namespace [linux.devices[1]]
  STEP='step 12 (bind)'
  bind /dev/zero /dev/zero --bind nosuid,noexec

  # 13. open_tree(/dev/full), mount_setattr(nosuid, noexec), move_mount(/dev/full)
  #    the host's node: nobody may make device nodes in a user namespace [linux.devices[2]]
  STEP='step 13 (bind)'
  bind /dev/full /dev/full --bind nosuid,noexec

  # 14. open_tree(/dev/random), mount_setattr(nosuid, noexec), move_mount(/dev/random)
  #    the host's node: nobody may make device nodes in a user namespace [linux.devices[3]]
  STEP='step 14 (bind)'
  bind /dev/random /dev/random --bind nosuid,noexec

  # 15. open_tree(/dev/urandom), mount_setattr(nosuid, noexec), move_mount(/dev/urandom)
  #    the host's node: nobody may make device nodes in a user namespace [linux.devices[4]]
  STEP='step 15 (bind)'
  bind /dev/urandom /dev/urandom --bind nosuid,noexec

  # 16. open_tree(/dev/tty), mount_setattr(nosuid, noexec), move_mount(/dev/tty)
  #    the host's node: nobody may make device nodes in a user namespace [linux.devices[5]]
  STEP='step 16 (bind)'
  bind /dev/tty /dev/tty --bind nosuid,noexec

  # 17. symlinkat(/proc/self/fd, root, /dev/fd)
  #    a link that programs expect in /dev [hutch]
  STEP='step 17 (make_symlink)'
  symlink /dev/fd /proc/self/fd

  # 18. symlinkat(/proc/self/fd/0, root, /dev/stdin)
  #    a link that programs expect in /dev [hutch]
  STEP='step 18 (make_symlink)'
  symlink /dev/stdin /proc/self/fd/0

  # 19. symlinkat(/proc/self/fd/1, root, /dev/stdout)
  #    a link that programs expect in /dev [hutch]
  STEP='step 19 (make_symlink)'
  symlink /dev/stdout /proc/self/fd/1

  # 20. symlinkat(/proc/self/fd/2, root, /dev/stderr)
  #    a link that programs expect in /dev [hutch]
  STEP='step 20 (make_symlink)'
  symlink /dev/stderr /proc/self/fd/2

  # 21. symlinkat(pts/ptmx, root, /dev/ptmx)
  #    a link that programs expect in /dev [hutch]
  STEP='step 21 (make_symlink)'
  symlink /dev/ptmx pts/ptmx

  # 22. fsopen(devpts, ptmxmode=0666, mode=0620, gid=5), fsmount(nosuid, noexec), move_mount(/dev/pts)
  #    terminals of its own, apart from those of the host [mounts[2]]
  STEP='step 22 (mount)'
  directory /dev/pts
  mount -t devpts -o 'nosuid,noexec,ptmxmode=0666,mode=0620,gid=5' -- devpts "$REPLY"

  # 23. fsopen(tmpfs, mode=1777, size=67108864), fsmount(nosuid, nodev, noexec), move_mount(/dev/shm)
  #    shared memory of its own, limited in size [mounts[3]]
  STEP='step 23 (mount)'
  directory /dev/shm
  mount -t tmpfs -o 'nosuid,nodev,noexec,mode=1777,size=67108864' -- tmpfs "$REPLY"

  # 24. fsopen(mqueue), fsmount(nosuid, nodev, noexec), move_mount(/dev/mqueue)
  #    message queues of its own [mounts[4]]
  STEP='step 24 (mount)'
  directory /dev/mqueue
  mount -t mqueue -o nosuid,nodev,noexec -- mqueue "$REPLY"

  # 25. fsopen(sysfs), fsmount(nosuid, nodev, noexec, ro), move_mount(/sys)
  #    the devices of its own network namespace, read-only [mounts[5]]
  STEP='step 25 (mount)'
  directory /sys
  mount -t sysfs -o nosuid,nodev,noexec -- sysfs "$REPLY"
  attributes "$REPLY" ro

  # 26. open_tree(/home/user/.local/share/hutch/containers/2f6b/hosts), mount_setattr(nosuid, nodev),
  # move_mount(/etc/hosts)
  #    names that hutch keeps for this container [mounts[6]]
  STEP='step 26 (bind)'
  bind /home/user/.local/share/hutch/containers/2f6b/hosts /etc/hosts --bind nosuid,nodev

  # 27. open_tree(/home/user/.local/share/hutch/containers/2f6b/hostname), mount_setattr(nosuid, nodev),
  # move_mount(/etc/hostname)
  #    the container's name [mounts[7]]
  STEP='step 27 (bind)'
  bind /home/user/.local/share/hutch/containers/2f6b/hostname /etc/hostname --bind nosuid,nodev

  # 28. open_tree(/home/user/.local/share/hutch/containers/2f6b/resolv.conf), mount_setattr(nosuid, nodev),
  # move_mount(/etc/resolv.conf)
  #    name servers that can be reached from this network [mounts[8]]
  STEP='step 28 (bind)'
  bind /home/user/.local/share/hutch/containers/2f6b/resolv.conf /etc/resolv.conf --bind nosuid,nodev

  # 29. ioctl(SIOCSIFFLAGS, lo, IFF_UP)
  #    a new network namespace starts with lo down [linux.namespaces]
  STEP='step 29 (loopback_up)'
  if command -v ip >/dev/null; then ip link set lo up; else echo 'lo stays down: ip (iproute2) is missing' >&2; fi

  # 30. write(/proc/sys/net/ipv4/ping_group_range, "0 65535"), may fail
  #    a kernel setting that belongs to one of the new namespaces [linux.sysctl["net.ipv4.ping_group_range"]]
  STEP='step 30 (sysctl)'
  { printf %s '0 65535' >/proc/sys/net/ipv4/ping_group_range; } 2>/dev/null || true

  # 31. write(/proc/sys/net/ipv4/ip_unprivileged_port_start, 0), may fail
  #    a kernel setting that belongs to one of the new namespaces
  #    [linux.sysctl["net.ipv4.ip_unprivileged_port_start"]]
  STEP='step 31 (sysctl)'
  { printf %s 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start; } 2>/dev/null || true

  # 32. pipe2(), open(/dev/null), dup2(0, 1, 2)
  #    pipes, never the caller's own files or terminal [process.terminal]
  #    Not by bash: the payload keeps the caller's own stdout and stderr; hutch gives it pipes.
  STEP='step 32 (stdio)'
  exec </dev/null

  # 33. open_tree(/proc/bus), mount_setattr(ro), move_mount(/proc/bus)
  #    settings of the host kernel may be read, not changed [linux.readonlyPaths[0]]
  STEP='step 33 (make_read_only)'
  read_only /proc/bus

  # 34. open_tree(/proc/fs), mount_setattr(ro), move_mount(/proc/fs)
  #    settings of the host kernel may be read, not changed [linux.readonlyPaths[1]]
  STEP='step 34 (make_read_only)'
  read_only /proc/fs

  # 35. open_tree(/proc/irq), mount_setattr(ro), move_mount(/proc/irq)
  #    settings of the host kernel may be read, not changed [linux.readonlyPaths[2]]
  STEP='step 35 (make_read_only)'
  read_only /proc/irq

  # 36. open_tree(/proc/sys), mount_setattr(ro), move_mount(/proc/sys)
  #    settings of the host kernel may be read, not changed [linux.readonlyPaths[3]]
  STEP='step 36 (make_read_only)'
  read_only /proc/sys

  # 37. open_tree(/proc/sysrq-trigger), mount_setattr(ro), move_mount(/proc/sysrq-trigger)
  #    settings of the host kernel may be read, not changed [linux.readonlyPaths[4]]
  STEP='step 37 (make_read_only)'
  read_only /proc/sysrq-trigger

  # 38. move_mount(/dev/null or an empty tmpfs, /proc/acpi)
  #    tells about the host's kernel, hardware or other users [linux.maskedPaths[0]]
  STEP='step 38 (mask)'
  mask /proc/acpi

  # 39. move_mount(/dev/null or an empty tmpfs, /proc/asound)
  #    tells about the host's kernel, hardware or other users [linux.maskedPaths[1]]
  STEP='step 39 (mask)'
  mask /proc/asound

  # 40. move_mount(/dev/null or an empty tmpfs, /proc/interrupts)
  #    tells about the host's kernel, hardware or other users [linux.maskedPaths[2]]
  STEP='step 40 (mask)'
  mask /proc/interrupts

  # 41. move_mount(/dev/null or an empty tmpfs, /proc/kcore)
  #    tells about the host's kernel, hardware or other users [linux.maskedPaths[3]]
  STEP='step 41 (mask)'
  mask /proc/kcore

  # 42. move_mount(/dev/null or an empty tmpfs, /proc/keys)
  #    tells about the host's kernel, hardware or other users [linux.maskedPaths[4]]
  STEP='step 42 (mask)'
  mask /proc/keys

  # 43. move_mount(/dev/null or an empty tmpfs, /proc/latency_stats)
  #    tells about the host's kernel, hardware or other users [linux.maskedPaths[5]]
  STEP='step 43 (mask)'
  mask /proc/latency_stats

  # 44. move_mount(/dev/null or an empty tmpfs, /proc/sched_debug)
  #    tells about the host's kernel, hardware or other users [linux.maskedPaths[6]]
  STEP='step 44 (mask)'
  mask /proc/sched_debug

  # 45. move_mount(/dev/null or an empty tmpfs, /proc/scsi)
  #    tells about the host's kernel, hardware or other users [linux.maskedPaths[7]]
  STEP='step 45 (mask)'
  mask /proc/scsi

  # 46. move_mount(/dev/null or an empty tmpfs, /proc/timer_list)
  #    tells about the host's kernel, hardware or other users [linux.maskedPaths[8]]
  STEP='step 46 (mask)'
  mask /proc/timer_list

  # 47. move_mount(/dev/null or an empty tmpfs, /proc/timer_stats)
  #    tells about the host's kernel, hardware or other users [linux.maskedPaths[9]]
  STEP='step 47 (mask)'
  mask /proc/timer_stats

  # 48. move_mount(/dev/null or an empty tmpfs, /sys/dev/block)
  #    tells about the host's kernel, hardware or other users [linux.maskedPaths[10]]
  STEP='step 48 (mask)'
  mask /sys/dev/block

  # 49. move_mount(/dev/null or an empty tmpfs, /sys/devices/virtual/powercap)
  #    tells about the host's kernel, hardware or other users [linux.maskedPaths[11]]
  STEP='step 49 (mask)'
  mask /sys/devices/virtual/powercap

  # 50. move_mount(/dev/null or an empty tmpfs, /sys/firmware)
  #    tells about the host's kernel, hardware or other users [linux.maskedPaths[12]]
  STEP='step 50 (mask)'
  mask /sys/firmware

  # 51. move_mount(/dev/null or an empty tmpfs, /sys/fs/selinux)
  #    tells about the host's kernel, hardware or other users [linux.maskedPaths[13]]
  STEP='step 51 (mask)'
  mask /sys/fs/selinux

  # 52. wait until the monitor has done all that it was asked for
  #    the payload must not run before its limits hold and its network stands [hutch]
  STEP='step 52 (await_monitor)'

  # 54. openat2(root, /), fchdir()
  #    the working directory, made where the image lacks it and proved to lie inside [process.cwd]
  #    Here already, as programs of the host are needed.
  STEP='step 54 (change_directory)'
  directory /

  # 61. close_range(3, ~0, CLOSE_RANGE_CLOEXEC)
  #    the payload gets stdin, stdout and stderr and no other open file [hutch]
  #    Here already, as programs of the host are needed.
  STEP='step 61 (close_descriptors)'
  for fd in /proc/self/fd/*; do case ${fd##*/} in [012]) ;; *) eval "exec ${fd##*/}>&-" ;; esac; done

  # 53. pivot_root(., .), umount2(., MNT_DETACH)
  #    the container sees its own root; the tree of the host is unmounted [root.path]
  STEP='step 53 (pivot_root)'
  pack_tools
  host_tool pivot_root "$ROOT" "$ROOT"
  host_tool umount -l /

  # 54. openat2(root, /), fchdir()
  #    the working directory, made where the image lacks it and proved to lie inside [process.cwd]
  STEP='step 54 (change_directory)'
  environment+=(-C /)

  # 55. keyctl(KEYCTL_JOIN_SESSION_KEYRING, hutch), may fail
  #    keys of the user's session are out of reach [hutch]
  #    Not by bash: no program of util-linux joins a session keyring: the caller's keys stay in reach.
  STEP='step 55 (join_keyring)'

  # 56. setrlimit(RLIMIT_NOFILE, soft 524288, hard 524288)
  #    a limit for each process of the container [process.rlimits[0]]
  STEP='step 56 (set_rlimit)'
  limits+=(--nofile=524288:524288)

  # 57. prctl(PR_CAPBSET_DROP) for all but chown dac_override fowner fsetid kill net_bind_service setfcap setgid
  # setpcap setuid sys_chroot
  #    no program in the container can ever have more than these [process.capabilities.bounding]
  STEP='step 57 (bound_capabilities)'
  privileges+=(--bounding-set=-all,+chown,+dac_override,+fowner,+fsetid,+kill,+net_bind_service,+setfcap,+setgid,+setpcap,+setuid,+sys_chroot)

  # 58. setgroups([]), setresgid(0, 0, 0), setresuid(0, 0, 0)
  #    the user that the image or the caller names [process.user]
  STEP='step 58 (set_user)'
  privileges+=(--reuid=0 --regid=0 --clear-groups)

  # 59. umask(022)
  #    files that the payload makes are readable by others in the container [process.user.umask]
  STEP='step 59 (set_umask)'
  mask_of_files=022

  # 60. rt_sigaction(every signal, SIG_DFL), rt_sigprocmask(none blocked)
  #    Node ignores SIGPIPE and SIGXFSZ, and ignored signals survive execve [hutch]
  STEP='step 60 (reset_signals)'
  environment+=(--default-signal)

  # 62. landlock_restrict_self(all file rights beneath /)
  #    even a leaked descriptor cannot open or execute anything outside the root (where the kernel has Landlock)
  #    [annotations["org.hutch.landlock"]]
  #    Not by bash: util-linux 2.38 has no program for Landlock: there is no second fence around the root.
  STEP='step 62 (landlock)'

  # 63. seccomp(SECCOMP_SET_MODE_FILTER, profile default, 422 instructions)
  #    system calls that containers do not need are refused [linux.seccomp]
  #    Not by bash: no program installs a seccomp filter (profile default, 422 instructions): every system call
  #    is allowed.
  STEP='step 63 (seccomp)'

  # 64. capset(effective chown dac_override fowner fsetid kill net_bind_service setfcap setgid setpcap setuid
  # sys_chroot; permitted the same; inheritable none), ambient none
  #    what root in the container may do, in its own user namespace only [process.capabilities]
  #    Not by bash: setpriv has no word for the effective and permitted sets: by execve(2) root gets all of its
  #    bounding set, others their ambient set.
  STEP='step 64 (set_capabilities)'
  privileges+=(--inh-caps=-all --ambient-caps=-all)

  # 65. execve(sh -c "echo \"$PATH\""), 4 environment variables
  #    the payload takes the place of init and is PID 1 [process.args]
  STEP='step 65 (execve)'
  variables=(
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
    'container=hutch'
    'HOSTNAME=golden'
    'HOME=/root'
  )
  payload=(sh -c 'echo "$PATH"')

  # The chain: prlimit sets the limits, setpriv the ids and capabilities, env the rest; each executes the next.
  STEP='the start of the payload'
  umask "$mask_of_files"
  exec /proc/self/cwd/loader \
    "${host_program[@]}" ./prlimit "${limits[@]}" \
    ./loader "${host_program[@]}" ./setpriv "${privileges[@]}" -- \
    ./loader "${host_program[@]}" ./env "${environment[@]}" -- "${variables[@]}" "${payload[@]}"
}

case ${1-host} in
  host | root | container) "${1-host}" ;;
esac

# What this container lacks beside the one that hutch makes:
# - 5. wait_for: the hub holds the bridges in a network namespace of its own, of another user namespace: by a
#   socket opened there it makes a veth pair, one end of it in this container (ip link add … type veth peer …
#   netns PID), gives that its address and route, and adds the names to its name server; here the container
#   has lo alone
# - 32. stdio: the payload keeps the caller's own stdout and stderr; hutch gives it pipes
# - 55. join_keyring: no program of util-linux joins a session keyring: the caller's keys stay in reach
# - 62. landlock: util-linux 2.38 has no program for Landlock: there is no second fence around the root
# - 63. seccomp: no program installs a seccomp filter (profile default, 422 instructions): every system call
#   is allowed
# - 64. set_capabilities: setpriv has no word for the effective and permitted sets: by execve(2) root gets all
#   of its bounding set, others their ambient set
# - all mounts: made by path, not from descriptor to descriptor; whoever can write to the image while the
#   script runs could redirect them
# - the environment: readable in the arguments of env for the moment before the payload starts
# - the clean-up: /home/user/.local/share/hutch/containers/2f6b stays on disk; `unshare --user --map-root-user
#   --map-auto rm -rf` removes it
