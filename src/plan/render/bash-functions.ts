/** The fixed shell functions of a rendered script: what a step needs more than one command for; pure text. */

/** Functions of the container stage. They run as root of the user namespace, in its own mount namespace. */
export const CONTAINER_FUNCTIONS = String.raw`# Resolves a path of the container beneath $ROOT, symbolic links too, as openat2(2) does with RESOLVE_IN_ROOT; the answer
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
      */*) name=${'$'}{rest%%/*} rest=${'$'}{rest#*/} ;;
      *) name=$rest rest= ;;
    esac
    case $name in
      '' | .) ;;
      ..) [ "$at" = "$ROOT" ] || at=${'$'}{at%/*} ;;
      *)
        if [ -L "$at/$name" ]; then
          links=$((links - 1))
          if [ "$links" -eq 0 ]; then
            echo "too many symbolic links in $1" >&2
            return 1
          fi
          link=$(readlink -n -- "$at/$name" && printf .)
          link=${'$'}{link%.}
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
  [ -d "$REPLY" ] || mkdir -p -m "${'$'}{2:-0755}" -- "$REPLY"
}

# symlink TARGET TO: a link of the container; what is there already stays.
symlink() {
  directory "${'$'}{1%/*}/"
  local at=$REPLY/${'$'}{1##*/}
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
    directory "${'$'}{2%/*}/"
    beneath "$2"
    [ -e "$REPLY" ] || : >"$REPLY"
  fi
  local at=$REPLY all=
  [ "$3" = --bind ] || all=yes
  mount "$3" -- "$1" "$at"
  mount "--make-${'$'}{all:+r}private" -- "$at"
  if [ -n "$4" ]; then "attributes${'$'}{all:+_below}" "$at" "$4"; fi
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
}`;

/** ask WRITE_FD READ_FD: used by every stage that waits for the one before it. */
export const ASK_FUNCTION = String.raw`# ask WRITE READ: tells the stage outside which process this is, as the host numbers it, and waits until that has done its part.
ask() {
  local pid answer _
  read -r pid _ </proc/self/stat
  echo "$pid" >&"$1"
  read -r -n 1 answer <&"$2"
  [ "$answer" = 1 ]
}`;
