# The machine's own engine: used when it answers, installed and started when it is missing.
# shellcheck shell=bash

ensure() {
  local where
  if where=$(machine_engine); then
    say "an engine answers: $where"
    return
  fi
  [ -z "${DOCKER_HOST-}" ] || die "nothing answers at DOCKER_HOST=$DOCKER_HOST; start that engine, or unset DOCKER_HOST"
  case "$(uname -s)" in
    Darwin) die_on_a_mac ;;
    Linux) ensure_on_linux ;;
    *) die "no engine answers; start a Docker-compatible one and set DOCKER_HOST" ;;
  esac
}

# machine_engine prints where an engine answers, looking where docker's own client looks.
machine_engine() {
  if command -v docker >/dev/null && bounded 20 docker version >/dev/null 2>&1; then
    echo "${DOCKER_HOST:-docker context $(docker context show 2>/dev/null || echo default)}"
  elif host_answers "${DOCKER_HOST:-unix:///var/run/docker.sock}"; then
    echo "${DOCKER_HOST:-/var/run/docker.sock}"
  else
    return 1
  fi
}

host_answers() {
  case "$1" in
    unix://*) socket_answers "${1#unix://}" ;;
    tcp://*) curl -fs --max-time 15 "http://${1#tcp://}/_ping" >/dev/null 2>&1 ;;
    *) return 1 ;;
  esac
}

die_on_a_mac() {
  die "no engine answers. Start one of them:
  Docker Desktop   open -a Docker
  OrbStack         open -a OrbStack        (or: orb start)
  Colima           colima start            (brew install colima docker)
and try again; 'docker context ls' shows which one is asked."
}

ensure_on_linux() {
  need_root_on_linux "engine ensure"
  with_lock "$(state_dir)/ensure.lock" install_and_start
}

install_and_start() {
  ! socket_answers /var/run/docker.sock || return 0 # another ensure was faster
  need curl curl ca-certificates
  need dockerd docker.io iptables ca-certificates
  need iptables iptables
  # Installing may have started it where an init system runs.
  ! answers_within 5 /var/run/docker.sock || return 0
  start_machine_engine
}

answers_within() {
  local tenths=$(($1 * 10))
  until socket_answers "$2"; do
    tenths=$((tenths - 2))
    [ "$tenths" -gt 0 ] || return 1
    sleep 0.2
  done
}

# start_machine_engine tries the storage drivers from fast to certain, each with both kinds of
# iptables: containers and small VMs refuse one or the other. What the machine's own daemon.json
# says is not argued with.
start_machine_engine() {
  local log driver tables
  log=$(state_dir)/dockerd.log
  for driver in $(storage_drivers); do
    [ "$driver" != fuse-overlayfs ] || need fuse-overlayfs fuse-overlayfs
    for tables in default legacy; do
      if try_dockerd "$log" "$driver" "$tables"; then
        say "dockerd started (storage driver $driver, iptables $tables, log $log)"
        return
      fi
      grep -qi iptables "$log" || break # the other kind of iptables would not help
    done
  done
  tail -n 15 "$log" >&2
  die "dockerd does not come up; its log is $log"
}

storage_drivers() {
  if grep -qs storage-driver /etc/docker/daemon.json; then
    echo configured
  else
    echo overlay2 fuse-overlayfs vfs
  fi
}

# try_dockerd LOG DRIVER TABLES: leaves dockerd running and returns 0, or leaves nothing. The log
# is the last try's.
try_dockerd() {
  local pid words=()
  [ "$2" = configured ] || words=(--storage-driver "$2")
  PATH=$(iptables_path "$3"):$PATH setsid dockerd ${words[@]+"${words[@]}"} >"$1" 2>&1 </dev/null &
  pid=$!
  for _ in $(seq 150); do
    ! socket_answers /var/run/docker.sock || return 0
    kill -0 "$pid" 2>/dev/null || return 1
    sleep 0.2
  done
  kill "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  return 1
}

# iptables_path prints a folder to search first. The machine's own choice between nft and legacy
# stays as it is.
iptables_path() {
  local folder tool
  folder=$(state_dir)/iptables-$1
  mkdir -p "$folder"
  if [ "$1" = legacy ]; then
    for tool in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
      ln -sfn /usr/sbin/xtables-legacy-multi "$folder/$tool"
    done
  fi
  echo "$folder"
}
