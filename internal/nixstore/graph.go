package nixstore

// A Graph is a store's valid paths.
type Graph map[Path]Info

// A Set is some of a store's paths.
type Set map[Path]bool

// SetOf returns the set of these paths.
func SetOf(paths []Path) Set {
	set := make(Set, len(paths))
	for _, p := range paths {
		set[p] = true
	}
	return set
}

// Closure returns the valid ones among the paths and all that these refer to, directly or
// not.
func (g Graph) Closure(paths ...Path) Set {
	return g.follow(paths, func(i Info) []Path { return i.References })
}

// Kept returns what a collector keeps for these roots: their closure, and for each path in
// it also its derivation with the closure of that (keep-derivations, Nix's default).
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

// TotalSize returns the size of all paths' archives in bytes, as Nix counts it. The size on
// a disk is close to it.
func (g Graph) TotalSize() (n int64) {
	for _, i := range g {
		n += i.NarSize
	}
	return n
}

// Size returns the size of the archives of a set's valid paths, in bytes.
func (g Graph) Size(set Set) (n int64) {
	for path := range set {
		n += g[path].NarSize
	}
	return n
}
