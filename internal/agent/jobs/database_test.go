package jobs

import (
	"errors"
	"strings"
	"testing"
)

func TestWhatANixSaysOfADatabase(t *testing.T) {
	failed := errors.New("exit status 1")
	for said, want := range map[string]string{
		"": "reading the volume's database: exit status 1",
		"error: getting status of\n '/dst': No such file":  "reading the volume's database: error: getting status of '/dst': No such file",
		"error: database disk image is malformed (in 'x')": "`nixproxy volume rm`",
		"error: file is not a database":                    "`nixproxy volume rm`",
	} {
		if got := unreadable(said, failed).Error(); !strings.Contains(got, want) {
			t.Errorf("%q became %q", said, got)
		}
	}
}
