package layout

import "path/filepath"

// ProfileLinks returns the profiles of the volume and their generations, in Nix's own
// directory and in HOME's.
func (v Volume) ProfileLinks() (all []string) {
	for _, pattern := range []string{
		v.State("profiles/*"), v.State("profiles/per-user/*/*"), filepath.Join(v.HomeProfiles(), "*"),
	} {
		links, _ := filepath.Glob(pattern)
		all = append(all, links...)
	}
	return all
}
