# With no other process: PIDs are what this is about, and the build's is among the first.
until [ -e "/nix/var/loop/$1" ]; do
	echo $((i += 1)) >/tmp/added
	nix-store --add /tmp/added
	[ $i != 5 ] || echo >"/nix/var/loop/added-$1"
done
