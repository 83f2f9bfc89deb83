# A build that looks at its inputs, which nothing roots, when something was added
# and then collected beside it: a source and another derivation's output. It waits
# for some minutes at most.
{ n }:
let
  make = name: script: derivation {
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-c" script ];
  };
  source = builtins.toFile "source-${n}" "source ${n}";
  built = make "built-${n}" "echo built ${n} >$out";
in
make "slow-${n}" ''
  echo >/nix/var/loop/building-${n}
  until [ -e /nix/var/loop/collected-${n} ] || [ $((i += 1)) = 2000 ]; do
    /nix/var/nix/profiles/default/bin/sleep 0.1
  done
  read -r a <${source}; read -r b <${built} && echo $a $b >$out
''
