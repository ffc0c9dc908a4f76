#!/bin/sh
# hutch: finds its own directory and hands over to the CLI. For `hutch run` it first starts the chain of namespaces that the
# last run found to work on this host, so that init boots while the CLI still reads its options (docs/architecture.md).
self=$0
[ -L "$self" ] && self=$(readlink -f "$self")
here=${self%/*}
case $here in /*) ;; *) here=$PWD/$here ;; esac
quick=
if [ "$1" = run ]; then
  # Node raises its soft limit of open files; the payload is to have the caller's. `ulimit` would cost a process.
  while read -r max open files soft _; do
    [ "$max $open $files" = 'Max open files' ] && export HUTCH_NOFILE="$soft" && break
  done </proc/$$/limits
  # See docs/adr/0011.
  quick=--no-rehash-snapshot
  runtime=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/hutch
  if [ -O "$runtime/prelaunch" ] && [ -O "$runtime" ] && [ ! -L "$runtime/prelaunch" ]; then
    . "$runtime/prelaunch"
  fi
fi
# Without the "--" Node would take --env-file for its own, wherever it stands, and load it into hutch's own environment.
exec "$here/node" --disable-sigusr1 --no-warnings $quick -- "$here/hutch.cjs" "$@"
