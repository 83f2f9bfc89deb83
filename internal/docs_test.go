package internal_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// namedPath is a file or a folder of this repository in a page's text.
var namedPath = regexp.MustCompile("`((?:cmd|internal|scripts|test)/[\\w./-]+)`")

// link is a link's target; one to another site is not followed.
var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestPagesNameFilesThatAreThere(t *testing.T) {
	for page, text := range pages(t) {
		for _, named := range namedPath.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join("..", named[1])); err != nil {
				t.Errorf("%s names %s, which is not there", page, named[1])
			}
		}
	}
}

func TestLinksLeadSomewhere(t *testing.T) {
	all := pages(t)
	for page, text := range all {
		for _, l := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(l[1], "://") {
				continue
			}
			file, anchor, _ := strings.Cut(l[1], "#")
			to := page
			if file != "" {
				to = filepath.Join(filepath.Dir(page), file)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s links to %s, which is not there", page, l[1])
			} else if anchor != "" && !hasHeading(all[to], anchor) {
				t.Errorf("%s links to %s, and there is no such heading", page, l[1])
			}
		}
	}
}

// Tables and examples have the width that they need.
func TestPagesAreWrapped(t *testing.T) {
	const most = 100
	for page, text := range pages(t) {
		fenced := false
		for n, line := range strings.Split(text, "\n") {
			if strings.HasPrefix(line, "```") {
				fenced = !fenced
			}
			if fenced || strings.HasPrefix(line, "|") || strings.HasPrefix(line, "    ") || strings.Contains(line, "](") {
				continue
			}
			if len([]rune(line)) > most {
				t.Errorf("%s:%d: the line has %d columns; wrap it at %d", page, n+1, len([]rune(line)), most)
			}
		}
	}
}

var notInAnchor = regexp.MustCompile(`[^\w\- ]`)

// hasHeading tells whether a page has a heading whose anchor, as GitHub makes it, is
// that one.
func hasHeading(text, anchor string) bool {
	for line := range strings.Lines(text) {
		title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " ")
		if !ok || !strings.HasPrefix(line, "#") {
			continue
		}
		title = notInAnchor.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
		if strings.ReplaceAll(title, " ", "-") == anchor {
			return true
		}
	}
	return false
}

// pages are the texts of all Markdown files, by their paths from here.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != ".." {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		all[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("there are no pages")
	}
	return all
}
