package version

import (
	"cmp"
	"fmt"
	"slices"
)

// Spellings are the tags that can mean exactly this version, the best first: as it is
// written, then the two-part or three-part form of the same number (2.4 is 2.4.0). A
// snapshot of some commit has no tag, so no spelling.
func Spellings(version string) []string {
	n, ok := parseNumber(version)
	switch {
	case !ok || n.snapshot():
		return nil
	case n.prerelease() || n.patch != 0:
		return []string{version}
	case n.threePart:
		return []string{version, fmt.Sprintf("%d.%d", n.major, n.minor)}
	default:
		return []string{version, version + ".0"}
	}
}

// Nearest orders the tags that are releases of the same minor version by how near their
// patch is to the wanted one, the higher first of two as near. A pre-release wants its
// minor's first release.
func Nearest(want string, tags []string) []string {
	wanted, ok := parseNumber(want)
	if !ok {
		return nil
	}
	found := releases(tags)
	found = slices.DeleteFunc(found, func(r release) bool { return !r.sameMinor(wanted) })
	slices.SortFunc(found, func(a, b release) int {
		return cmp.Or(
			cmp.Compare(distance(a.patch, wanted.patch), distance(b.patch, wanted.patch)),
			cmp.Compare(b.patch, a.patch),
			cmp.Compare(unlike(a.tag, want), unlike(b.tag, want)),
			cmp.Compare(b.tag, a.tag),
		)
	})
	return tagsOf(found)
}

// Choices are the n newest releases among tags, the newest first, each number once: what
// an error offers instead.
func Choices(tags []string, n int) []string {
	found := releases(tags)
	slices.SortFunc(found, func(a, b release) int {
		return cmp.Or(b.compare(a.number), cmp.Compare(b.tag, a.tag))
	})
	found = slices.CompactFunc(found, func(a, b release) bool { return a.compare(b.number) == 0 })
	return tagsOf(found[:min(max(n, 0), len(found))])
}

type release struct {
	number
	tag string
}

// releases keeps the tags of releases, each once, but for the one that nobody should be
// given unasked.
func releases(tags []string) []release {
	var found []release
	seen := make(map[string]bool)
	for _, tag := range tags {
		n, ok := parseRelease(tag)
		if !ok || seen[tag] || n.is(clashing) {
			continue
		}
		seen[tag] = true
		found = append(found, release{number: n, tag: tag})
	}
	return found
}

func tagsOf(found []release) []string {
	var tags []string
	for _, r := range found {
		tags = append(tags, r.tag)
	}
	return tags
}

func distance(a, b int) int { return max(a-b, b-a) }

// unlike puts the spelling that was asked for before the other one of the same number.
func unlike(tag, want string) int {
	if tag == want {
		return 0
	}
	return 1
}
