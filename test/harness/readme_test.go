//go:build linux && acceptance

package harness_test

import (
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/test/harness"
	"github.com/nixproxy/nixproxy/test/harness/emulation"
	"github.com/nixproxy/nixproxy/test/harness/fixture"
	"github.com/nixproxy/nixproxy/test/harness/images"
	"github.com/nixproxy/nixproxy/test/harness/program"
	"github.com/nixproxy/nixproxy/test/harness/registry"
	"github.com/nixproxy/nixproxy/test/harness/script"
)

// test/README.md has a table of each kind, and a row of each name, and no other.
func TestReadmeDescribesTheScripts(t *testing.T) {
	text, err := os.ReadFile(harness.RepositoryPath("test/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	suite := &fixture.Suite{Images: make([]images.Image, 3), Registry: &registry.Registry{}}
	for i := range suite.Images {
		suite.Images[i].Version = "VERSION"
	}
	for kind, want := range map[string][]string{
		"Commands":            append(script.Commands(), emulation.Command),
		"Programs":            slices.Collect(maps.Keys(program.All)),
		"Conditions":          script.Conditions(),
		"Variables":           append(script.Variables(suite), emulation.Variables()...),
		"Settings of the run": settings(t),
	} {
		got := rows(string(text), kind)
		slices.Sort(want)
		if want = slices.Compact(want); !slices.Equal(got, want) {
			t.Errorf("the table %q of test/README.md has %q, want %q", kind, got, want)
		}
	}
}

var row = regexp.MustCompile("(?m)^\\| `[\\[$]?([A-Za-z_-]+)")

var setting = regexp.MustCompile(`os\.Getenv\("(NIXPROXY_\w+)"\)`)

// settings are the variables of the caller's that the harness reads.
func settings(t *testing.T) []string {
	t.Helper()
	var found []string
	err := fs.WalkDir(os.DirFS(harness.RepositoryPath("test")), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") {
			return err
		}
		source, err := os.ReadFile(harness.RepositoryPath("test/" + path))
		for _, match := range setting.FindAllSubmatch(source, -1) {
			found = append(found, string(match[1]))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// rows are the sorted names that begin the rows of a section's tables.
func rows(text, heading string) []string {
	_, section, _ := strings.Cut(text, "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var names []string
	for _, match := range row.FindAllStringSubmatch(section, -1) {
		names = append(names, match[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}
