#!/bin/sh
# hutch: finds its own directory and hands over to the CLI. For `hutch run` it first starts the chain of namespaces that the
# last run found to work on this host, so that init boots while the CLI still reads its options (docs/architecture.md).
self=$0
[ -L "$self" ] && self=$(readlink -f "$self")
here=${self%/*}
case $here in /*) ;; *) here=$PWD/$here ;; esac
if [ "$1" = run ]; then
  HUTCH_NOFILE=$(ulimit -Sn)
  export HUTCH_NOFILE
  runtime=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/hutch
  if [ -O "$runtime/prelaunch" ] && [ -O "$runtime" ] && [ ! -L "$runtime/prelaunch" ]; then
    . "$runtime/prelaunch"
  fi
fi
# Without the "--" Node would take --env-file for its own, wherever it stands, and load it into hutch's own environment.
exec "$here/node" --disable-sigusr1 --no-warnings -- "$here/hutch.cjs" "$@"
