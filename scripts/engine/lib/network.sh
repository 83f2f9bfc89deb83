# Each engine has 10.N.0.0/16 to itself: its default bridge's network is the first /24, those it
# makes itself lie in the upper half. So whatever it leaves behind can be told from everybody
# else's.
# shellcheck shell=bash

bridge_name() { echo "nixproxy-t$1"; }

# network_take DIR writes N to DIR/network, an N that no engine of ours and no route of the
# machine has.
network_take() {
  [ -s "$1/network" ] || with_lock "$(cache_dir)/networks/lock" network_choose "$1"
}

network_choose() {
  local n
  for n in $(seq 200 249); do
    network_free "$n" || continue
    echo "$1" >"$(cache_dir)/networks/$n"
    echo "$n" >"$1/network"
    return
  done
  die "no free network among 10.200.0.0/16 to 10.249.0.0/16; stop engines that are no longer used: $(cat "$(cache_dir)"/networks/2??)"
}

network_free() {
  local owner
  owner=$(cat "$(cache_dir)/networks/$1" 2>/dev/null || true)
  if [ -n "$owner" ] && [ "$(cat "$owner/network" 2>/dev/null || true)" = "$1" ]; then return 1; fi
  ! ip -4 route show table all | grep -q "\b10\.$1\."
}

bridge_up() {
  local name
  name=$(bridge_name "$1")
  ip link show "$name" >/dev/null 2>&1 || ip link add "$name" type bridge
  ip address replace "10.$1.0.1/24" dev "$name"
  ip link set "$name" up
}

# network_release DIR removes every bridge of DIR's network and gives the number back.
network_release() {
  local n
  n=$(cat "$1/network" 2>/dev/null || true)
  [ -n "$n" ] || return 0
  bridges_down "$n"
  rm -f "$(cache_dir)/networks/$n" "$1/network"
}

bridges_down() {
  local name
  for name in $(bridge_name "$1") $(ip -4 -o address | awk -v net="10.$1." 'index($4, net) == 1 {print $2}'); do
    [ -d "/sys/class/net/$name/bridge" ] || continue
    ip link delete "$name"
  done
}
