package nix

import (
	"errors"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/hint"
)

func TestExplainUnreadable(t *testing.T) {
	failed := errors.New("exit status 1")
	for stderr, want := range map[string]string{
		"": "reading the volume's database: exit status 1",
		"error: getting status of\n '/dst': No such file":  "reading the volume's database: error: getting status of '/dst': No such file",
		"error: database disk image is malformed (in 'x')": "`nixproxy volume rm`",
		"error: file is not a database":                    "`nixproxy volume rm`",
	} {
		if got := hint.Text(explainUnreadable(stderr, failed)); !strings.Contains(got, want) {
			t.Errorf("%q became %q", stderr, got)
		}
	}
}
