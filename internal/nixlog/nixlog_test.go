package nixlog

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
)

// captured returns the output of a real Nix for `nix copy --log-format internal-json` with
// the images of the tests; the progress of single files is left out.
func captured(t testing.TB, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestReportsTheCopy(t *testing.T) {
	synctest.Test(t, reportsTheCopy) // at once, however busy the machine is
}

func reportsTheCopy(t *testing.T) {
	for file, total := range map[string]int64{"copy-2.8.log": 90, "copy-2.26.log": 98, "copy-2.34.log": 94} {
		var last, first [2]int64
		calls := 0
		log := &Log{Paths: func(done, total int64) {
			if calls == 0 {
				first = [2]int64{done, total}
			}
			if done < last[0] {
				t.Errorf("%s: %d after %d", file, done, last[0])
			}
			last = [2]int64{done, total}
			calls++
		}}
		if _, err := log.Write([]byte(captured(t, file))); err != nil {
			t.Fatal(err)
		}
		if first[0] > 1 || first[1] != total || last != [2]int64{total, total} {
			t.Errorf("%s: from %v to %v, want to %d", file, first, last, total)
		}
		if calls > 20 {
			t.Errorf("%s: progress was reported %d times at once", file, calls)
		}
		if text := log.Errors(); text != "" {
			t.Errorf("%s: errors %q of a copy that went well", file, text)
		}
	}
}

// The last line of a crash may lack its newline.
func TestKeepsAnUnfinishedLine(t *testing.T) {
	log := &Log{}
	if _, err := log.Write([]byte("warning: x\nterminate called")); err != nil {
		t.Fatal(err)
	}
	if text := log.Errors(); text != "warning: x; terminate called" {
		t.Errorf("got %q", text)
	}
}

func TestKeepsErrors(t *testing.T) {
	for file, want := range map[string]string{
		"mismatch-2.8.log":   "error: hash mismatch importing path '/nix/store/",
		"mismatch-2.26.log":  "error: hash mismatch importing path '/nix/store/",
		"mismatch-2.34.log":  "error: hash mismatch importing path '/nix/store/",
		"badconfig-2.8.log":  "error: illegal configuration line 'bad' in 'NIX_CONFIG'",
		"badconfig-2.26.log": "error: syntax error in configuration line 'bad' in 'NIX_CONFIG'",
		"badconfig-2.34.log": `error: syntax error in configuration line 'bad' in "NIX_CONFIG"`,
	} {
		log := &Log{Paths: func(_, _ int64) { t.Errorf("%s: progress", file) }}
		// A pipe cuts lines anywhere.
		reader := iotest.OneByteReader(strings.NewReader(captured(t, file)))
		for buffer := make([]byte, 1); ; {
			n, err := reader.Read(buffer)
			if err != nil {
				break
			}
			if _, err := log.Write(buffer[:n]); err != nil {
				t.Fatal(err)
			}
		}
		text := log.Errors()
		if !strings.HasPrefix(text, want) || strings.ContainsAny(text, "\x1b\n") || strings.Contains(text, "  ") {
			t.Errorf("%s: got %q, want %q first, in one plain line", file, text, want)
		}
	}
}

func TestKeepsFewOtherLines(t *testing.T) {
	log := &Log{}
	for i := range 1000 {
		if _, err := log.Write([]byte(strings.Repeat("x", i) + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	if len(log.other) != 10 || len(log.other[9]) != 999 {
		t.Errorf("%d lines are kept, the last of %d", len(log.other), len(log.other[len(log.other)-1]))
	}
}

func FuzzLog(f *testing.F) {
	for _, file := range []string{"copy-2.26.log", "mismatch-2.34.log", "badconfig-2.8.log"} {
		f.Add([]byte(captured(f, file)), 7)
	}
	f.Add([]byte("@nix {\"action\":\"result\",\"type\":105,\"fields\":[\"a\",null]}\n@nix [\n@nix\n\x1b[31"), 1)
	f.Fuzz(func(t *testing.T, content []byte, cut int) {
		whole, pieces := &Log{Paths: func(_, _ int64) {}}, &Log{Paths: func(_, _ int64) {}}
		_, _ = whole.Write(content)
		cut = min(max(cut, 1), len(content)+1)
		for rest := content; len(rest) > 0; {
			n := min(cut, len(rest))
			_, _ = pieces.Write(rest[:n])
			rest = rest[n:]
		}
		if whole.Errors() != pieces.Errors() {
			t.Errorf("in one piece %q, in pieces of %d %q", whole.Errors(), cut, pieces.Errors())
		}
	})
}

// The newest Nix of the tests prints this on a store in an older format.
func TestReportsThatItWaits(t *testing.T) {
	waits := 0
	log := &Log{Waits: func() { waits++ }}
	for _, message := range []string{"waiting for exclusive access to the Nix store...", "waiting for the big Nix store lock..."} {
		if _, err := log.Write([]byte(`@nix {"action":"msg","level":3,"msg":"` + message + `"}` + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	if waits != 1 {
		t.Errorf("it was reported %d times", waits)
	}
}
