# The processes of an engine of a test's own: one PID namespace, so that one kill ends them all.
# shellcheck shell=bash

# process_start DIR TREE CMD...: in the background; DIR/pid names the process that holds the
# namespace.
process_start() {
  local dir=$1 tree=$2
  shift 2
  mkdir -p "$dir/scratch" "$dir/tmp" "$dir/home"
  rm -f "$dir/docker.sock" "$dir/pid"
  # shellcheck disable=SC2016,SC2154 # expanded inside, so that the number is on disk before there is anything to lose
  setsid bash -c 'echo $$ >"$1/pid"; exec "${@:2}"' start "$dir" \
    unshare --mount --pid --fork --kill-child=KILL --mount-proc --propagation private \
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$dir/home" TMPDIR="$dir/tmp" PODMAN_IGNORE_CGROUPSV1_WARNING=1 \
    bash "$here/lib/enter" "$dir" "$tree" "$@" >>"$dir/log" 2>&1 </dev/null &
  until [ -s "$dir/pid" ]; do
    kill -0 $! 2>/dev/null || break
    sleep 0.01
  done
}

# process_id DIR prints the namespace's holder when it lives and is ours; a number alone may be
# somebody else's by now.
process_id() {
  local pid
  pid=$(cat "$1/pid" 2>/dev/null || true)
  [ -n "$pid" ] && { tr "\0" "\n" <"/proc/$pid/cmdline"; } 2>/dev/null | grep -Fxq -- "$1" && echo "$pid"
}

# process_init DIR prints the namespace's first process, as seen from outside.
process_init() {
  local pid
  pid=$(process_id "$1") || return 1
  pid=$(cat "/proc/$pid/task/$pid/children" 2>/dev/null || true)
  [ -n "$pid" ] && echo "${pid%% *}"
}

process_wait_answer() {
  for _ in $(seq 900); do
    ! socket_answers "$1/docker.sock" || return 0
    # Not process_id: between two of its programs a process has no command line, for longer on a
    # busy machine.
    kill -0 "$(cat "$1/pid" 2>/dev/null || echo none)" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 15 "$1/log" >&2
  die "the engine does not come up; its log is $1/log"
}

# process_end DIR: politely for five seconds, then as process_kill.
process_end() {
  local pid init
  pid=$(process_id "$1") || return 0
  if init=$(process_init "$1"); then
    polite_end "$1" "$init"
    gone_within 5 "$pid" || true
  fi
  process_kill "$1"
}

# process_kill DIR ends the PID namespace and all in it; its holder goes with its first process,
# and that with the last of the others, which may have much to write to a busy disk.
process_kill() {
  local pid init
  pid=$(process_id "$1") || return 0
  if init=$(process_init "$1"); then kill -KILL "$init" 2>/dev/null || true; fi
  gone_within 5 "$pid" || kill -KILL "$pid" 2>/dev/null || true
  gone_within 60 "$pid" || die "process $pid of the engine in $1 cannot be ended"
}

# Podman's service leaves its containers alone when it ends, and with them their firewall rules.
polite_end() {
  if [ -d "$1/containers" ]; then
    HOME=$1/home PODMAN_IGNORE_CGROUPSV1_WARNING=1 \
      bounded 15 nsenter -t "$2" -m -p /usr/bin/podman stop -a -t 0 >>"$1/log" 2>&1 || say "podman's containers were not stopped in order; see $1/log"
  fi
  kill -TERM "$2" 2>/dev/null || true
}

gone_within() {
  for _ in $(seq $(($1 * 20))); do
    kill -0 "$2" 2>/dev/null || return 0
    sleep 0.05
  done
  return 1
}
