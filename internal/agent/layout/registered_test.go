package layout

import (
	"os"
	"testing"
	"time"
)

func TestWhatWasRegisteredIsKept(t *testing.T) {
	v := Volume(t.TempDir())
	files := v.databaseFiles()
	if err := v.KeepRegistered(v.Registered()); err != nil {
		t.Errorf("without a database: %v", err)
	}
	if err := os.MkdirAll(v.State("db"), 0o755); err != nil {
		t.Fatal(err)
	}
	for i, file := range files {
		before := v.Registered()
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if v.Registered() == before {
			t.Errorf("%s is new, and nothing is seen of it", file)
		}
		if err := v.KeepRegistered(before); err != nil {
			t.Errorf("%s, after %d: %v", file, i, err)
		}
		before = v.Registered()
		if err := os.Chtimes(file, time.Time{}, time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if v.Registered() == before {
			t.Errorf("%s has changed, and nothing is seen of it", file)
		}
	}
}
