package nixstore

// A Graph is a store's valid paths.
type Graph map[Path]Info

// A Set is some of a store's paths.
type Set map[Path]bool

// SetOf is the set of these paths.
func SetOf(paths []Path) Set {
	set := make(Set, len(paths))
	for _, p := range paths {
		set[p] = true
	}
	return set
}

// Closure is what paths need: themselves and all that they refer to. Those that
// are not valid have none.
func (g Graph) Closure(paths ...Path) Set {
	return g.follow(paths, func(i Info) []Path { return i.References })
}

// Kept is what a collector keeps for these roots: their closure, and with each
// path the derivation that it was built by (keep-derivations, which is Nix's
// default) with that one's closure.
func (g Graph) Kept(roots ...Path) Set {
	return g.follow(roots, func(i Info) []Path {
		if i.Deriver == "" {
			return i.References
		}
		return append(i.References[:len(i.References):len(i.References)], Path(i.Deriver))
	})
}

func (g Graph) follow(from []Path, next func(Info) []Path) Set {
	seen := Set{}
	for todo := append([]Path(nil), from...); len(todo) > 0; {
		path := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if info, valid := g[path]; valid && !seen[path] {
			seen[path] = true
			todo = append(todo, next(info)...)
		}
	}
	return seen
}

// TotalSize is the sum of the archives of all paths, in bytes: what Nix counts, and
// near to what they take on a disk.
func (g Graph) TotalSize() (n int64) {
	for _, i := range g {
		n += i.NarSize
	}
	return n
}

// Size is that of a set's valid paths.
func (g Graph) Size(set Set) (n int64) {
	for path := range set {
		n += g[path].NarSize
	}
	return n
}
