# A build that takes its time before it looks at its inputs, which nothing roots:
# a source and another derivation's output.
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
make "slow-${n}" "/nix/var/nix/profiles/default/bin/sleep 1; read -r a <${source}; read -r b <${built} && echo $a $b >$out"
