# The package tree of a kind: Debian's packages unpacked into a folder that engines of the kind
# share, read only.
# shellcheck shell=bash

# tree KIND prints the folder, made when missing.
tree() {
  local name folder
  name=$(tree_name "$1")
  folder=$(cache_dir)/$name
  [ -d "$folder/usr" ] || with_lock "$folder.lock" make_tree "$1" "$folder" >&2
  echo "$folder"
}

# Docker's kinds differ by configuration, and come from one tree. One of other packages has
# another name.
tree_name() {
  local kind=$1 packages
  case "$kind" in
    docker-*) kind=docker-28 ;;
  esac
  packages=$(tree_packages "$kind" | cksum)
  echo "$kind-${packages%% *}"
}

tree_suite() {
  case "$1" in
    podman-4) echo bookworm ;;
    *) echo forky ;;
  esac
}

tree_packages() {
  case "$1" in
    docker-*) echo docker.io,iptables,procps,kmod,base-files ;;
    podman-*) echo podman,runc,tini,catatonit,netavark,aardvark-dns,iptables,nftables,procps,base-files ;;
  esac
}

# make_tree unpacks only (no maintainer script runs) and renames when whole. A rolling suite's
# Release file may have expired.
make_tree() {
  [ ! -d "$2/usr" ] || return 0
  need mmdebstrap mmdebstrap
  say "unpacking $(tree_packages "$1") of Debian $(tree_suite "$1"), once"
  rm -rf "$2" "$2.part"
  # shellcheck disable=SC2016 # mmdebstrap expands the hook
  mmdebstrap --quiet --mode=root --variant=extract \
    --aptopt='Acquire::Check-Valid-Until "false"' \
    --setup-hook='for d in bin sbin lib lib64; do mkdir -p "$1/usr/$d"; ln -s "usr/$d" "$1/$d"; done' \
    --include="$(tree_packages "$1")" "$(tree_suite "$1")" "$2.part" "${NIXPROXY_TEST_MIRROR:-http://deb.debian.org/debian}" ||
    die "unpacking Debian's packages failed; see above (NIXPROXY_TEST_MIRROR names another mirror)"
  link_iptables "$2.part/usr/sbin"
  mv "$2.part" "$2"
}

# link_iptables does what update-alternatives would.
link_iptables() {
  local tool
  for tool in iptables ip6tables; do
    ln -sfn xtables-nft-multi "$1/$tool"
    ln -sfn xtables-nft-multi "$1/$tool-save"
    ln -sfn xtables-nft-multi "$1/$tool-restore"
  done
}
