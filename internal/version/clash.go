package version

import "fmt"

// Nix 2.35.0 names the files of its temporary roots in a way of which the collectors of
// older versions die ("stoi"), for ever if it is killed and leaves one; 2.35.1 took that
// back (NixOS/nix src/libstore/local-store.cc, fnTempRoots).
var (
	clashing = number{major: 2, minor: 35}
	mended   = "2.35.1"
)

// is tells whether n is of that very number, and no pre-release.
func (n number) is(other number) bool { return !n.prerelease() && n.compare(other) == 0 }

// Alone tells why a Nix needs a volume that no older one uses; nil: it does not.
func (n Nix) Alone() error {
	if number, ok := n.number(); !ok || !number.is(clashing) {
		return nil
	}
	return fmt.Errorf("Nix %s breaks the garbage collection of every older Nix on its volume: "+
		"choose another one, as with --nix-version %s, or give it a volume of its own with --volume", n.Version, mended)
}

// Clash tells why two Nix cannot use one volume; nil: they can.
func (n Nix) Clash(other Nix) error {
	older, ok := other.number()
	if ok && older.compare(clashing) < 0 && n.Alone() != nil {
		return fmt.Errorf("Nix %s would break the garbage collection of Nix %s, which has used the volume: "+
			"choose another one, as with --nix-version %s, or another --volume", n.Version, other.Version, mended)
	}
	if newer, ok := n.number(); ok && newer.compare(clashing) < 0 && other.Alone() != nil {
		return fmt.Errorf("Nix %s has used the volume, which breaks the garbage collection of Nix %s: "+
			"choose another --volume, or a newer Nix with --nix-version", other.Version, n.Version)
	}
	return nil
}

// number is the version taken apart; false for a flavour that counts otherwise.
func (n Nix) number() (number, bool) {
	if n.Flavour != FlavourNix {
		return number{}, false
	}
	return parseNumber(n.Version)
}
