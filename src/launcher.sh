#!/bin/sh
# hutch: finds its own directory and hands over to the CLI. For `hutch run` it first starts the chain of namespaces that the
# last run found to work on this host, so that init boots while the CLI still reads its options (docs/architecture.md); and it
# stays in the user's place, since the CLI then becomes the container's monitor and may outlive the command (docs/adr/0012).
self=$0
[ -L "$self" ] && self=$(readlink -f "$self")
here=${self%/*}
case $here in /*) ;; *) here=$PWD/$here ;; esac

# Without the "--" Node would take --env-file for its own, wherever it stands, and load it into hutch's own environment.
cli() {
  exec "$here/node" --disable-sigusr1 --no-warnings $quick -- "$here/$program.cjs" "$@"
}
# What makes Node's boot quicker, for those that read hutch's own records alone: see docs/adr/0011.
known_seed='--no-rehash-snapshot --min-semi-space-size=4 --v8-pool-size=1'
# What keeps V8 from giving work to its other threads, as `run` forks: see docs/adr/0019.
alone='--no-concurrent-sparkplug --no-concurrent-recompilation'
quick= program=hutch

# Node raises its soft limit of open files; the payload is to have the caller's. `ulimit` would cost a process. For `run` this shell stays, and
# can be looked at.
keep_limit() {
  while read -r max open files soft _; do
    [ "$max $open $files" = 'Max open files' ] && export HUTCH_NOFILE="$soft" && break
  done </proc/$$/limits
}

# Becomes the monitor. As soon as it can it makes a session of its own: keys and the terminal's end then reach it through this shell alone.
monitor() {
  export HUTCH_SHELL=$$
  exec <&8 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-
  cli "$@"
}

# A command in the background ignores INT and QUIT until it says otherwise, which node does late: till then TERM stands for them.
forward() {
  if [ -z "$node" ]; then
    early=$1
    return
  fi
  signal=$1
  case $signal in
    INT | QUIT)
      while read -r key value; do
        case $key$value in SigIgn:*[2367abef]) signal=TERM ;; esac
      done <"/proc/$node/status"
      ;;
  esac
  kill -s "$signal" "$node"
} 2>/dev/null

# Ctrl-Z: the monitor, which belongs to no job, lets go of the terminal until it hears CONT.
suspend() {
  forward TSTP
  trap - TSTP
  kill -s TSTP $$
  trap suspend TSTP
}

# A monitor that was killed has not given the terminal back. Where we are not in the foreground it is not ours to touch.
give_terminal_back() {
  [ -t 0 ] && read -r stat <"/proc/$$/stat" || return
  # Source: proc_pid_stat(5).
  set -- ${stat##*) }
  group=$3 foreground=$6
  [ "$group" = "$foreground" ] || return
  case $(stty -a) in
    *-icanon*) stty icrnl ixon opost isig icanon iexten echo ;;
  esac
} 2>/dev/null

case "$1 $2" in
  run\ * | 'container run')
    quick="$known_seed $alone" program=run
    node= early=
    for name in HUP INT QUIT TERM USR1 USR2 ALRM CONT WINCH; do
      trap "forward $name" $name
    done
    trap suspend TSTP
    # The monitor goes on without us.
    trap 'exit 0' URG
    if [ -L /proc/$$/fd/0 ]; then exec 8<&0; else exec 8</dev/null; fi
    monitor "$@" &
    node=$!
    [ -z "$early" ] || forward "$early"
    while :; do
      wait "$node"
      code=$?
      # Above 128 it may be a signal that was passed on, and not the end.
      [ "$code" -gt 128 ] || break
      kill -0 "$node" 2>/dev/null && continue
      wait "$node" 2>/dev/null
      last=$?
      [ "$last" = 127 ] || code=$last
      break
    done
    [ "$code" != 137 ] || give_terminal_back
    exit "$code"
    ;;
  create\ * | 'container create')
    keep_limit
    ;;
  exec\ * | rm\ * | stop\ * | kill\ * | start\ * | restart\ * | container\ exec | container\ rm | container\ stop)
    quick=$known_seed
    ;;
esac
# Two smaller programs, which are quicker to load, have the commands of every day, but not their help: DAILY and LIFE in .config/build.mjs.
word=$1
[ "$word" != container ] || word=$2
case "$word $* " in
  *' --help '* | *' -h '*) ;;
  events\ * | images\ * | inspect\ * | kill\ * | logs\ * | pause\ * | port\ * | ps\ * | rename\ * | rm\ * | stats\ * | stop\ * | top\ * | \
    unpause\ * | version\ * | wait\ *) program=daily ;;
  attach\ * | exec\ * | restart\ * | start\ *) program=life ;;
esac
cli "$@"
