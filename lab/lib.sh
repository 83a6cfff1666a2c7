# shellcheck shell=bash
# shellcheck disable=SC2034 # its variables are used where it is sourced
# What the scripts of this folder share. Sourced, never run.

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/distctl-lab
me=$(basename "$0")

say() { echo "$me: $*"; }
die() { echo "$me: $*" >&2; exit 1; }

# within SECONDS COMMAND...: polls until the command succeeds; fails when the time is over.
within() {
  local deadline=$((SECONDS + $1)); shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.05
  done
}

# mirror_of SUITE: the base address of the host's first apt source that has this suite, or nothing.
# apt itself is asked, since a source can be written in two ways.
mirror_of() {
  apt-get update --print-uris | sed -n "s|^'\(.*\)/dists/$1/InRelease'.*|\1|p" | sed -n 1p
}

# The first python3 that has pip: the one in the PATH, or the host's own.
python_with_pip() {
  local python
  for python in python3 /usr/bin/python3; do
    if "$python" -m pip --version >/dev/null 2>&1; then echo "$python"; return; fi
  done
  die "no python3 here has pip: run $here/install, then this again"
}
