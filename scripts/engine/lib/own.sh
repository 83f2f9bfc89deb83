# Engines of a test's own, beside the machine's and beside one another.
# shellcheck shell=bash

kinds() { printf '%s\n' docker-28 docker-28-containerd docker-28-overlay2 podman-4 podman-5; }

known_kind() { kinds | grep -Fxq -- "$1" || die "unknown kind $1; known are: $(kinds | tr '\n' ' ')"; }

own_fetch() {
  need_root_on_linux "engine fetch"
  known_kind "$1"
  tree "$1"
}

own_start() {
  need_root_on_linux "engine start"
  known_kind "$1"
  need curl curl ca-certificates
  need ip iproute2
  local kind=$1 dir
  dir=$(own_claim "$kind" "$2")
  if ! socket_answers "$dir/docker.sock"; then
    own_end "$dir"
    own_launch "$kind" "$dir" "$(tree "$kind")"
  fi
  echo "DOCKER_HOST=unix://$dir/docker.sock"
}

own_launch() {
  local kind=$1 dir=$2 tree=$3 n words=() word
  network_take "$dir"
  n=$(cat "$dir/network")
  case "$kind" in
    docker-*) docker_prepare "$kind" "$dir" "$n" ;;
    podman-*) podman_prepare "$dir" "$n" "$tree" ;;
  esac
  while read -r word; do words+=("$word"); done < <("${kind%%-*}_command" "$dir")
  process_start "$dir" "$tree" "${words[@]}"
  process_wait_answer "$dir"
}

# own_claim KIND DIR prints DIR's real path. DIR/kind marks it as ours: stop removes nothing
# without that mark.
own_claim() {
  local dir
  dir=$(realpath -m "$2")
  case "$dir/" in
    /etc/* | /run/* | /var/lib/* | /dev/* | /usr/*) die "$dir: an engine's folder cannot lie below /etc, /run, /var/lib, /dev or /usr" ;;
  esac
  [ "${#dir}" -le 90 ] || die "$dir: too long for a socket's path; use a folder of 90 characters at most"
  mkdir -p "$dir"
  if [ -f "$dir/kind" ]; then
    [ "$(cat "$dir/kind")" = "$1" ] || die "$dir holds an engine of kind $(cat "$dir/kind"); stop it first"
  else
    [ -z "$(find "$dir" -mindepth 1 -maxdepth 1 ! -name data ! -name disk)" ] || die "$dir is not empty and no engine's; use another folder"
    echo "$1" >"$dir/kind"
  fi
  echo "$dir"
}

own_halt() {
  need_root_on_linux "engine halt"
  [ ! -f "$1/kind" ] || own_end "$(realpath "$1")"
}

own_kill() {
  need_root_on_linux "engine kill"
  [ -f "$1/kind" ] || return 0
  local dir
  dir=$(realpath "$1")
  process_kill "$dir"
  own_end "$dir"
}

own_stop() {
  need_root_on_linux "engine stop"
  [ -e "$1" ] || return 0
  local dir
  dir=$(realpath "$1")
  [ -f "$dir/kind" ] || die_unless_empty "$dir"
  own_kill "$dir" # no politeness: nothing of it is kept
  case "$(cat "$dir/kind")" in
    podman-*) podman_firewall "$dir" ;;
  esac
  network_release "$dir"
  unmount_below "$dir"
  own_remove "$dir"
}

die_unless_empty() {
  rmdir "$1" 2>/dev/null || die "$1 is no engine's folder; nothing was removed"
  exit 0
}

# own_end leaves only files and the network.
own_end() {
  local groups
  groups=$(cgroup_names "$1")
  process_end "$1"
  cgroups_remove "$groups"
  rm -f "$1/pid" "$1/docker.sock"
  disk_released "$1"
}

# disk_released waits for the kernel to be done with DIR/disk, which takes longer than its last
# user: a mount before would get the file system that is on its way out.
disk_released() {
  [ -f "$1/disk" ] || return 0
  for _ in $(seq 1200); do
    [ -n "$(losetup --associated "$1/disk")" ] || return 0
    sleep 0.05
  done
  die "$1/disk is still in use; see losetup -a"
}

# unmount_below unmounts what is mounted under the folder, a test's loop-mounted data folder
# included, deepest first.
unmount_below() {
  local point
  awk -v below="$1/" 'index($5, below) == 1 {print $5}' /proc/self/mountinfo | sort -r | while read -r point; do
    umount "$point" || umount -l "$point"
  done
}

# own_remove removes the mark last, so that a stop that was interrupted can be repeated; a process
# that is still dying may write once more.
own_remove() {
  for _ in $(seq 40); do
    ! remove_state "$1" 2>/dev/null || return 0
    sleep 0.5
  done
  remove_state "$1" || die "$1 cannot be removed; see above"
}

remove_state() {
  find "$1" -mindepth 1 -maxdepth 1 ! -name kind -exec rm -rf --one-file-system {} + &&
    rm -rf --one-file-system "$1"
}

# cgroup_names DIR prints an engine's cgroups by last name: Docker's parent, or Podman's one for
# each container.
cgroup_names() {
  local n
  n=$(cat "$1/network" 2>/dev/null || true)
  case "$(cat "$1/kind" 2>/dev/null || true)" in
    docker-*) [ -z "$n" ] || basename "$(docker_cgroup "$n")" ;;
    podman-*) find "$1/data/vfs-containers" -mindepth 1 -maxdepth 1 -type d -printf 'libpod*-%f\n' 2>/dev/null || true ;;
  esac
}

cgroups_remove() {
  local name
  set -f
  for name in $1; do
    find /sys/fs/cgroup -depth -type d \( -path "*/$name" -o -path "*/$name/*" \) -exec rmdir {} + 2>/dev/null || true
  done
  set +f
  # Podman's common parent goes with the last container of any podman.
  find /sys/fs/cgroup -depth -maxdepth 3 -type d \( -name libpod_parent -o -path '*/libpod_parent/conmon' \) -exec rmdir {} + 2>/dev/null || true
}
