# What Podman's netavark leaves in the machine's firewall when its engine is killed.
# shellcheck shell=bash

# firewall_clear TREE N removes every iptables rule and chain of 10.N.0.0/16, and netavark's
# common chains when they serve no network any more (it makes them again). TREE's iptables,
# because the machine's own may be of the other kind.
firewall_clear() {
  local table rules
  for table in nat filter; do
    rules=$(in_tree "$1" iptables-save -t "$table" 2>/dev/null | firewall_removal "$2")
    [ -n "$rules" ] || continue
    printf '*%s\n%s\nCOMMIT\n' "$table" "$rules" | in_tree "$1" iptables-restore -w 5 --noflush ||
      say "some firewall rules of 10.$2.0.0/16 stay in table $table; see iptables-save"
  done
}

# in_tree TREE CMD...: CMD from TREE, which is /usr for it alone.
in_tree() {
  # shellcheck disable=SC2016 # expanded inside
  unshare --mount --propagation private sh -c 'mount --bind "$0/usr" /usr && exec "$@"' "$@"
}

# firewall_removal N turns iptables-save's text into what iptables-restore needs to remove N's part.
firewall_removal() {
  awk -v net=" 10.$1." -v bridge=" $(bridge_name "$1") " '
    function hash(word) { return word ~ /^NETAVARK-(DN-)?[0-9A-F]+$/ ? substr(word, match(word, /[0-9A-F]+$/)) : "" }
    function target(i) { for (i = 3; i < NF; i++) if ($i == "-j") return $(i + 1); return "" }
    /^:NETAVARK/ { chains[substr($1, 2)] }
    /^-A/ {
      rule[++rules] = $0; from[rules] = $2; to[rules] = target(); ours[rules] = index($0, net) || index($0, bridge)
      if (ours[rules]) { mine[hash($2)]; mine[hash(to[rules])] }
    }
    END {
      delete mine[""]
      for (chain in chains) if (hash(chain) != "" && !(hash(chain) in mine)) busy = 1
      for (r = 1; r <= rules; r++) if (from[r] == "NETAVARK_FORWARD" && !ours[r] && rule[r] ~ / -[sd] /) busy = 1
      for (chain in chains) if (hash(chain) == "" ? !busy : hash(chain) in mine) gone[chain]
      for (r = 1; r <= rules; r++) if (!(from[r] in gone) && (ours[r] || to[r] in gone)) print "-D" substr(rule[r], 3)
      for (chain in gone) print "-F " chain
      for (chain in gone) print "-X " chain
    }'
}
