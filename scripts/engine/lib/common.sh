# What every part needs. Runs in macOS's bash 3.2 too.
# shellcheck shell=bash

say() { printf 'engine: %s\n' "$*" >&2; }

die() {
  say "$*"
  exit 1
}

cache_dir() { printf '%s/engines\n' "${NIXPROXY_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/nixproxy-test}"; }

state_dir() { printf '%s/nixproxy-test\n' "${XDG_STATE_HOME:-$HOME/.local/state}"; }

# bounded SECONDS CMD...: CMD's status, or 124 when it took longer. macOS has no timeout(1).
bounded() {
  local tenths=$(($1 * 10)) pid
  shift
  "$@" &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    if [ "$tenths" -le 0 ]; then
      kill -KILL "$pid" 2>/dev/null || true
      wait "$pid" 2>/dev/null || true
      return 124
    fi
    tenths=$((tenths - 1))
    sleep 0.1
  done
  wait "$pid"
}

# socket_answers SOCKET: is there an engine behind it? Its wrong guesses are quiet.
socket_answers() {
  [ -S "$1" ] || return 1
  [ "$(curl -fs --max-time 15 --unix-socket "$1" http://engine/_ping 2>/dev/null)" = OK ]
}

# need COMMAND PACKAGE...: install Debian's packages unless the command is there.
need() {
  local command=$1
  shift
  command -v "$command" >/dev/null && return
  install_packages "$@"
}

install_packages() {
  command -v apt-get >/dev/null || die "this needs $*, and only Debian's apt-get is known here; install it by hand"
  say "installing $*"
  {
    apt-get update
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
  } >&2 </dev/null || die "installing $* failed; see above"
}

need_root_on_linux() {
  [ "$(uname -s)" = Linux ] || die "$1 works on Linux only"
  [ "$(id -u)" = 0 ] || die "$1 needs root; run it with sudo -E"
}

# with_lock FILE CMD...: one at a time on this machine, released however CMD ends. What CMD leaves
# running does not hold it.
with_lock() {
  local file=$1
  shift
  mkdir -p "$(dirname "$file")"
  (
    flock 9
    "$@" 9>&-
  ) 9>"$file"
}
