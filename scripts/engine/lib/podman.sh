# Podman of a test's own: its configuration and command line.
# shellcheck shell=bash

# podman_prepare DIR N TREE fills DIR/containers, which stands in for /etc/containers.
podman_prepare() {
  local conf=$1/containers
  mkdir -p "$conf/networks"
  podman_conf "$2" "$3" >"$conf/containers.conf"
  podman_default_network "$2" >"$conf/networks/$(bridge_name "$2").json"
  podman_registries >"$conf/registries.conf"
  printf '[storage]\ndriver = "vfs"\ngraphroot = "%s/data"\nrunroot = "/run/nixproxy-engine"\n' "$1" >"$conf/storage.conf"
  echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$conf/policy.json"
}

# podman_conf N TREE: crun refuses hybrid cgroups; podman's own default limits may lie above this
# machine's. To who follows them, Podman repeats half of the events whenever their file is full,
# of 1 MB by itself.
podman_conf() {
  cat <<TOML
[containers]
default_ulimits = ["nofile=$(ulimit -Hn):$(ulimit -Hn)", "nproc=$(ulimit -Hu):$(ulimit -Hu)"]

[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
events_logger = "file"
events_logfile_max_size = "1g"
helper_binaries_dir = ["/usr/lib/podman", "/usr/libexec/podman"]
init_path = "$(podman_init "$2")"

[network]
network_backend = "netavark"
firewall_driver = "iptables"
default_network = "$(bridge_name "$1")"
network_config_dir = "/etc/containers/networks"
default_subnet_pools = [{"base" = "10.$1.128.0/17", "size" = 24}]
TOML
}

podman_init() {
  local path
  for path in /usr/libexec/podman/catatonit /usr/bin/catatonit; do
    [ ! -x "$1$path" ] || break
  done
  echo "$path"
}

# podman_default_network N: netavark names firewall chains after the network, so each engine's
# must have another name.
podman_default_network() {
  cat <<JSON
{
  "name": "$(bridge_name "$1")",
  "id": "$(bridge_name "$1" | sha256sum | cut -d' ' -f1)",
  "driver": "bridge",
  "network_interface": "$(bridge_name "$1")",
  "created": "2024-01-01T00:00:00Z",
  "subnets": [{"subnet": "10.$1.0.0/24", "gateway": "10.$1.0.1"}],
  "ipv6_enabled": false,
  "internal": false,
  "dns_enabled": false,
  "ipam_options": {"driver": "host-local"}
}
JSON
}

# podman_registries: a prefix without a port matches every port of that host.
# NIXPROXY_TEST_REGISTRY adds host:port words.
podman_registries() {
  local host
  echo 'unqualified-search-registries = ["docker.io"]'
  echo 'short-name-mode = "permissive"'
  for host in 127.0.0.1 localhost ${NIXPROXY_TEST_REGISTRY-}; do
    printf '\n[[registry]]\nprefix = "%s"\nlocation = "%s"\ninsecure = true\n' "$host" "$host"
  done
}

# podman_command DIR: below catatonit Ctrl-Z would stop nothing in any container, as what it
# starts begins with SIGTSTP blocked.
podman_command() {
  printf '%s\n' /usr/bin/tini -- /usr/bin/podman --log-level warn system service -t 0 "unix://$1/docker.sock"
}

podman_firewall() {
  local n tree
  n=$(cat "$1/network" 2>/dev/null || true)
  tree=$(cache_dir)/$(tree_name "$(cat "$1/kind")")
  if [ -n "$n" ] && [ -d "$tree" ]; then firewall_clear "$tree" "$n"; fi
}
