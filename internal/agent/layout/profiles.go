package layout

import "path/filepath"

// ProfileLinks are the profiles of the volume and their generations, below Nix's own
// directory or HOME's.
func (v Volume) ProfileLinks() (all []string) {
	for _, pattern := range []string{
		v.State("profiles/*"), v.State("profiles/per-user/*/*"), filepath.Join(v.HomeProfiles(), "*"),
	} {
		links, _ := filepath.Glob(pattern)
		all = append(all, links...)
	}
	return all
}
