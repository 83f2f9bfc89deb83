# shellcheck shell=bash
# What the benchmarks share, for one to source: `. scripts/lib/bench.sh NAME` at the top of the
# sources. It gives the benchmark a volume and a state directory of its own and the directory
# $work, all removed at its end, and the functions below.
set -euo pipefail
export LC_ALL=C TIMEFORMAT='%3R %3U %3S' NIXPROXY_VOLUME=nixproxy-bench-$1

work=$(mktemp -d)
export NIXPROXY_STATE=$work/state

remove_all() {
  bin/nixproxy --quiet rm --with-volume --yes || true
  rm -rf "$work"
}
trap remove_all EXIT

# warm_container makes the proxy container, and prints its id.
warm_container() {
  bin/nixproxy run -- true </dev/null >&2
  docker ps -q --filter "label=dev.nixproxy.volume=$NIXPROXY_VOLUME" --filter label=dev.nixproxy.role=proxy
}

# measure NAME CMD...: adds what CMD takes to the times of NAME. CMD may be a function; its stdin
# is empty, and its output goes nowhere.
measure() {
  local name=$1
  shift
  { time "$@" </dev/null >/dev/null 2>>"$work/stderr"; } 2>>"$work/$name.times" || {
    cat "$work/stderr" >&2
    exit 1
  }
}

# median NAME [FIELD]: of the times of NAME, in seconds. FIELD 1 is real, 2 is user, 3 is system
# time.
median() {
  awk -v field="${2:-1}" '{ print $field }' "$work/$1.times" | sort -n |
    awk '{ all[NR] = $1 } END { print (all[int((NR + 1) / 2)] + all[int(NR / 2) + 1]) / 2 }'
}
