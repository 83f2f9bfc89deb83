# Docker of a test's own: its configuration and command line.
# shellcheck shell=bash

# docker_prepare KIND DIR N. Without iptables it leaves the machine's own rules alone: published
# ports work through the userland proxy, containers reach this machine and one another, but
# nothing beyond.
docker_prepare() {
  bridge_up "$3"
  cat >"$2/daemon.json" <<JSON
{
  "hosts": ["unix://$2/docker.sock"],
  "data-root": "$2/data",
  "exec-root": "/run/nixproxy-engine",
  "pidfile": "/run/nixproxy-engine.pid",
  "group": "root",
  "bridge": "$(bridge_name "$3")",
  "default-address-pools": [{"base": "10.$3.128.0/17", "size": 24}],
  "cgroup-parent": "$(docker_cgroup "$3")",
  "iptables": false,
  "ip6tables": false,
  "ip-forward": false,
  "ip-masq": false,
  "insecure-registries": ["127.0.0.0/8"],
  "shutdown-timeout": 3,
  "features": {"containerd-snapshotter": $(docker_snapshotter "$1")},
  "storage-driver": "$(docker_storage "$1")"
}
JSON
}

docker_cgroup() { echo "/nixproxy-t$1"; }

docker_snapshotter() {
  case "$1" in
    *-containerd) echo true ;;
    *) echo false ;;
  esac
}

# Copying drivers work on any file system below; "native" is containerd's word for vfs. overlay2
# wants a real one, such as DIR/disk's, and makes containers without a copy of their image.
docker_storage() {
  case "$1" in
    *-containerd) echo native ;;
    *-overlay2) echo overlay2 ;;
    *) echo vfs ;;
  esac
}

docker_command() { printf '%s\n' /usr/bin/docker-init -- /usr/sbin/dockerd --config-file "$1/daemon.json"; }
