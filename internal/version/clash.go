package version

import (
	"fmt"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// Nix 2.35.0 gives the files of its temporary roots names that crash the collectors of
// older versions ("stoi"), for ever if it is killed and leaves one behind; 2.35.1 took
// that back (NixOS/nix src/libstore/local-store.cc, fnTempRoots).
var (
	clashing = number{major: 2, minor: 35}
	repaired = "2.35.1"
)

// is reports whether n is a release of the same number.
func (n number) is(other number) bool { return !n.prerelease() && n.compare(other) == 0 }

// Alone returns why a Nix needs a volume that no older one uses; nil if it does not.
func (n Nix) Alone() error {
	if number, ok := n.number(); !ok || !number.is(clashing) {
		return nil
	}
	return hint.Add(fmt.Errorf("Nix %s breaks the garbage collection of every older Nix on its volume", n.Version),
		"choose another one, as with --nix-version %s, or give it a volume of its own with --volume", repaired)
}

// Clash returns why two versions of Nix cannot use one volume; nil if they can.
func (n Nix) Clash(other Nix) error {
	older, ok := other.number()
	if ok && older.compare(clashing) < 0 && n.Alone() != nil {
		return hint.Add(fmt.Errorf("Nix %s would break the garbage collection of Nix %s, which has used the volume", n.Version, other.Version),
			"choose another one, as with --nix-version %s, or another --volume", repaired)
	}
	if newer, ok := n.number(); ok && newer.compare(clashing) < 0 && other.Alone() != nil {
		return hint.Add(fmt.Errorf("Nix %s has used the volume, which breaks the garbage collection of Nix %s", other.Version, n.Version),
			"choose another --volume, or a newer Nix with --nix-version")
	}
	return nil
}

// number parses the version; false for a flavour that counts otherwise.
func (n Nix) number() (number, bool) {
	if n.Flavour != FlavourNix {
		return number{}, false
	}
	return parseNumber(n.Version)
}
