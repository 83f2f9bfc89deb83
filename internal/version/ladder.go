package version

import (
	"cmp"
	"fmt"
	"slices"
)

// Spellings returns the tags that can mean exactly this version, the best first: as it is
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

// Nearest returns the tags of the same minor version's releases, those with the nearest
// patch first, and of two as near the higher first. For a pre-release, the first release
// of its minor version is the nearest.
func Nearest(version string, tags []string) []string {
	number, ok := parseNumber(version)
	if !ok {
		return nil
	}
	found := releases(tags)
	found = slices.DeleteFunc(found, func(r release) bool { return !r.sameMinor(number) })
	slices.SortFunc(found, func(a, b release) int {
		return cmp.Or(
			cmp.Compare(distance(a.patch, number.patch), distance(b.patch, number.patch)),
			cmp.Compare(b.patch, a.patch),
			cmp.Compare(unlike(a.tag, version), unlike(b.tag, version)),
			cmp.Compare(b.tag, a.tag),
		)
	})
	return tagsOf(found)
}

// Choices returns the n newest releases among tags, the newest first, each number once: an
// error offers them instead.
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

// releases returns the tags of releases, each once, without the clashing one: nobody
// should get that unasked.
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

// unlike sorts the requested spelling before another one of the same number.
func unlike(tag, requested string) int {
	if tag == requested {
		return 0
	}
	return 1
}
