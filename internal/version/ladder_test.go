package version

import (
	"slices"
	"strings"
	"testing"
)

func TestSpellings(t *testing.T) {
	cases := map[string][]string{
		"2.4":                                  {"2.4", "2.4.0"},
		"2.4.0":                                {"2.4.0", "2.4"},
		"2.34.8":                               {"2.34.8"},
		"2.90.0-beta.1":                        {"2.90.0-beta.1"},
		"2.29pre20250409_e76bbe41":             nil,
		"2.90.0-beta.1-lixpre20240506-b6799ab": nil,
		"2.26.3+dfsg":                          nil,
		"latest":                               nil,
		"":                                     nil,
	}
	for in, want := range cases {
		if got := Spellings(in); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// published is of the kind a registry lists: unordered, with architectures and names.
var published = []string{
	"latest", "2.4", "2.4.0", "2.3.16", "2.29.0", "2.29.2", "2.29.1-arm64", "2.34.6", "2.34.10", "2.34.9-amd64", "2.34.4",
	"2.34.7", "2.34.7", "3.34.8", "2.90.0-beta.1", "sha256-0123", "2.34", "2.034.8",
}

var nearest = []struct {
	want string
	tags []string
}{
	{"2.34.8", []string{"2.34.7", "2.34.10", "2.34.6", "2.34.4", "2.34"}},
	{"2.34.5", []string{"2.34.6", "2.34.4", "2.34.7", "2.34.10", "2.34"}},
	{"2.4", []string{"2.4", "2.4.0"}},
	{"2.4.0", []string{"2.4.0", "2.4"}},
	{"2.4.1", []string{"2.4.0", "2.4"}},
	{"2.29pre20250409_e76bbe41", []string{"2.29.0", "2.29.2"}},
	{"2.90.0-beta.1-lixpre20240506-b6799ab", nil},
	{"2.99.1", nil},
	{"latest", nil},
}

func TestNearest(t *testing.T) {
	for _, c := range nearest {
		if got := Nearest(c.want, published); !slices.Equal(got, c.tags) {
			t.Errorf("%q: got %q, want %q", c.want, got, c.tags)
		}
	}
}

func TestChoices(t *testing.T) {
	want := []string{"3.34.8", "2.34.10", "2.34.7", "2.34.6", "2.34.4", "2.34", "2.29.2", "2.29.0", "2.4.0", "2.3.16"}
	for n := -1; n <= len(want)+1; n++ {
		if got := Choices(published, n); !slices.Equal(got, want[:min(max(n, 0), len(want))]) {
			t.Errorf("%d: got %q", n, got)
		}
	}
	if got := Choices(nil, 3); len(got) != 0 {
		t.Errorf("of nothing: %q", got)
	}
}

func FuzzNearest(f *testing.F) {
	for _, c := range nearest {
		f.Add(c.want, strings.Join(published, " "))
	}
	f.Fuzz(func(t *testing.T, want, tags string) {
		list := strings.Split(tags, " ")
		got := Nearest(want, list)
		turned := slices.Clone(list)
		slices.Reverse(turned)
		if again := Nearest(want, turned); !slices.Equal(got, again) {
			t.Errorf("%q depends on the order of the tags: %q, %q", want, got, again)
		}
		wanted, _ := parseNumber(want)
		last := -1
		for _, tag := range got {
			n, ok := parseRelease(tag)
			if !ok || !n.sameMinor(wanted) || !slices.Contains(list, tag) {
				t.Errorf("%q is not a release near %q", tag, want)
			}
			if distance(n.patch, wanted.patch) < last {
				t.Errorf("%q comes too late in %q", tag, got)
			}
			last = distance(n.patch, wanted.patch)
		}
		for _, spelling := range Spellings(want) {
			if slices.Contains(list, spelling) && !wanted.prerelease() && !slices.Contains(got, spelling) {
				t.Errorf("spelling %q of %q is not among the nearest %q", spelling, want, got)
			}
		}
	})
}
