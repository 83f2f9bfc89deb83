package nixconf

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// setting is one line `name = value`; words are those of the value.
type setting struct {
	name  string
	words []string
}

// maxFiles bounds the files that one file includes, directly or not. Nix has no bound, and
// crashes on a loop.
const maxFiles = 100

// parser turns one file and what it includes into settings, as parseConfigFiles in Nix's
// libutil/configuration.cc does.
type parser struct {
	readFile func(path string) ([]byte, error)
	files    int
	settings []setting
}

// parse adds the settings in contents, which are the file path's: relative includes start in
// its directory, and errors name it. A `#` starts a comment anywhere, and no line continues on
// the next.
func (p *parser) parse(contents, path string) error {
	number := 0
	for line := range strings.SplitSeq(contents, "\n") {
		number++
		line, _, _ = strings.Cut(line, "#")
		words := strings.FieldsFunc(line, blank)
		if len(words) == 0 {
			continue
		}
		if err := p.line(words, path); err != nil {
			return fmt.Errorf("%s line %d: %w", path, number, err)
		}
	}
	return nil
}

// blank reports whether r separates words in nix.conf. Form feeds and Unicode spaces do not.
func blank(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' }

func (p *parser) line(words []string, path string) error {
	switch {
	case words[0] == "include" || words[0] == "!include":
		if len(words) != 2 {
			return errors.New("an include takes one file")
		}
		return p.include(words[1], path, words[0] == "!include")
	case len(words) < 2 || words[1] != "=":
		return errors.New(`not of the form "name = value"`)
	}
	p.settings = append(p.settings, setting{name: words[0], words: words[2:]})
	return nil
}

// include parses another file at this place. Like Nix, it ignores a file that exists but
// cannot be read.
func (p *parser) include(target, from string, mayMiss bool) error {
	if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(from), target)
	}
	p.files++
	if p.files > maxFiles {
		return fmt.Errorf("more than %d files included: does %s include itself?", maxFiles, target)
	}
	contents, err := p.readFile(target)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !mayMiss:
		return fmt.Errorf("included file %s is not there: create it, or write !include", target)
	case err != nil:
		return nil
	}
	return p.parse(string(contents), target)
}
