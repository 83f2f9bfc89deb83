package version

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
)

// number is a parsed version: X.Y or X.Y.Z, and what follows in a pre-release.
type number struct {
	major, minor, patch int
	threePart           bool
	suffix              string
}

// numberForm allows no leading zeros and few digits, so that a number has one spelling
// and fits an int.
var numberForm = regexp.MustCompile(`^(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})(?:\.(0|[1-9]\d{0,8}))?((?:pre|[-_.+~])[0-9A-Za-z._+~-]{1,90})?$`)

func parseNumber(s string) (number, bool) {
	match := numberForm.FindStringSubmatch(s)
	if match == nil {
		return number{}, false
	}
	return number{
		major:     atoi(match[1]),
		minor:     atoi(match[2]),
		patch:     atoi(match[3]),
		threePart: match[3] != "",
		suffix:    match[4],
	}, true
}

// parseRelease is parseNumber for tags of releases: X.Y and X.Y.Z, without -amd64,
// -arm64, latest and pre-releases.
func parseRelease(tag string) (number, bool) {
	n, ok := parseNumber(tag)
	return n, ok && !n.prerelease()
}

// atoi is 0 for the patch that is not there; numberForm has bounded the digits.
func atoi(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

func (n number) prerelease() bool { return n.suffix != "" }

// snapshot reports whether n is no published version ("-beta.1" is one), but a build of
// some commit ("pre20250409_e76bbe41", "-beta.1-lixpre20240506-b6799ab"), or one with a
// distribution's mark ("+dfsg", which no tag can hold).
func (n number) snapshot() bool {
	return strings.Contains(n.suffix, "pre") || strings.ContainsAny(n.suffix, "+~")
}

func (n number) sameMinor(other number) bool {
	return n.major == other.major && n.minor == other.minor
}

func (n number) compare(other number) int {
	return cmp.Or(cmp.Compare(n.major, other.major), cmp.Compare(n.minor, other.minor), cmp.Compare(n.patch, other.patch))
}
