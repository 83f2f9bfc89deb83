package nixstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// encoded returns what a server sends: numbers and strings.
func encoded(words ...any) []byte {
	var b bytes.Buffer
	w := newWire(nil, &b)
	for _, word := range words {
		switch word := word.(type) {
		case int:
			w.putNumber(uint64(word))
		case string:
			w.putString(word)
		case Path:
			w.putString(string(word))
		case []byte:
			_, _ = w.out.Write(word)
		}
	}
	_ = w.flush()
	return b.Bytes()
}

// scripted starts a process that sends the answers, whatever the requests are, and then
// runs the shell command. A command that ends must first read the greeting, which is 16
// bytes and cannot be written to a process that has ended.
func scripted(t *testing.T, answers []byte, command string) (*Server, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "answers")
	if err := os.WriteFile(file, answers, 0o600); err != nil {
		t.Fatal(err)
	}
	return Serve(exec.Command("sh", "-c", `cat "$0"; `+command, file))
}

// serving returns a server that has been greeted, sends the words, and stays.
func serving(t *testing.T, words ...any) *Server {
	t.Helper()
	s, err := scripted(t, append(encoded(serveWelcome, serveVersion), encoded(words...)...), "cat >/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func named(name string) Path { return Path(Dir + "/" + digest + "-" + name) }

func TestServeGreets(t *testing.T) {
	for name, test := range map[string]struct {
		answers       []byte
		command, says string
	}{
		"something else": {[]byte("Usage: nix-store [--help]"), "cat >/dev/null", "does not speak the protocol"},
		"an old one":     {encoded(serveWelcome, 2<<8|4), "cat >/dev/null", "protocol 2.4: Nix 2.2 or later is needed"},
		"a new one":      {encoded(serveWelcome, 3<<8), "cat >/dev/null", "protocol 3.0"},
		"nothing":        {nil, "head -c 16 >/dev/null", "unexpected EOF"},
		"a complaint":    {nil, "printf 'warning: x\nerror: cannot connect\n       to it\n' >&2; exit 1", "cannot connect to it"},
	} {
		if _, err := scripted(t, test.answers, test.command); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMissing(t *testing.T) {
	s := serving(t, 1, named("b"), 2, named("b"), named("a"))
	request := []Path{named("c"), named("b"), named("a")}
	if got, err := s.Missing(request); err != nil || !slices.Equal(got, []Path{named("c"), named("a")}) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := s.Missing(request[1:]); err != nil || got == nil || len(got) > 0 {
		t.Errorf("of what is all there: %#v, %v", got, err)
	}
}

func TestAnswers(t *testing.T) {
	s := serving(t, 1, named("a"), 2, named("a"), named("b"))
	if valid, err := s.Valid([]Path{named("a"), named("b")}, true); err != nil || !slices.Equal(valid, []Path{named("a")}) {
		t.Errorf("valid: %q, %v", valid, err)
	}
	if closure, err := s.Closure([]Path{named("a")}); err != nil || !slices.Equal(closure, []Path{named("a"), named("b")}) {
		t.Errorf("closure: %q, %v", closure, err)
	}
	for name, words := range map[string][]any{
		"no store path":  {1, "/etc/passwd"},
		"a long string":  {1, 1 << 40},
		"an early end":   {2, named("a")},
		"half a string":  {1, 60, "short"},
		"half a number":  {[]byte("123")},
		"nothing at all": {},
	} {
		s, err := scripted(t, append(encoded(serveWelcome, serveVersion), encoded(words...)...), "exec >&-; cat >/dev/null")
		if err != nil {
			t.Fatal(err)
		}
		if paths, err := s.Valid(nil, false); err == nil {
			t.Errorf("%s: %q", name, paths)
		}
	}
}

func TestInfosAreDependenciesFirst(t *testing.T) {
	info := func(name string, references ...any) []any {
		return append(append([]any{named(name), "", len(references)}, references...), 0, 120, "sha256:"+name, "", 1, "key:"+name)
	}
	words := slices.Concat(info("a", named("b"), named("c")), info("b", named("b"), named("c")), info("c", named("elsewhere")), []any{""})
	infos, err := serving(t, words...).Infos(nil)
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, i := range infos {
		order = append(order, i.Path.Name())
		if i.NarSize != 120 || i.NarHash != "sha256:"+i.Path.Name() || !slices.Equal(i.Sigs, []string{"key:" + i.Path.Name()}) {
			t.Errorf("%+v", i)
		}
	}
	if strings.Join(order, " ") != "c b a" {
		t.Errorf("the order is %s", order)
	}
}

// file returns the archive of one file.
func file(content string) []byte {
	return encoded("nix-archive-1", "(", "type", "regular", "contents", content, ")")
}

func TestDump(t *testing.T) {
	nar := file("content")
	sum := sha256.Sum256(nar)
	good := Info{Path: named("a"), NarHash: hex.EncodeToString(sum[:]), NarSize: int64(len(nar))}
	small, large, other := good, good, good
	small.NarSize, large.NarSize = good.NarSize-8, good.NarSize+8
	other.NarHash = strings.Repeat("0", 64)
	for name, test := range map[string]struct {
		info    Info
		changed bool
	}{"as registered": {good, false}, "smaller": {large, true}, "larger": {small, true}, "another": {other, true}} {
		var to bytes.Buffer
		err := serving(t, nar, nar).Dump(test.info, &to)
		var changed *ChangedError
		if errors.As(err, &changed) != test.changed || !test.changed && (err != nil || !bytes.Equal(to.Bytes(), nar)) {
			t.Errorf("%s: %v, %d bytes", name, err, to.Len())
		}
	}
}

// A path that Nix cannot read has changed, too, and Nix's message tells how.
func TestDumpOfAMissingPath(t *testing.T) {
	s, err := scripted(t, encoded(serveWelcome, serveVersion), "exec >&-; cat >/dev/null; echo \"error: path does not exist\" >&2")
	if err != nil {
		t.Fatal(err)
	}
	var changed *ChangedError
	err = s.Dump(Info{Path: named("a"), NarSize: 120}, io.Discard)
	if !errors.As(err, &changed) || changed.Path != named("a") || err.Error() != string(named("a"))+" cannot be read (path does not exist)" {
		t.Errorf("%v", err)
	}
}

// When an engine died in the middle of a copy, nixproxy once waited for a Nix that itself
// waited for a reader.
func TestDumpToAReaderThatIsGone(t *testing.T) {
	nar := file(strings.Repeat("x", 1<<20))
	err := serving(t, nar).Dump(Info{Path: named("a"), NarSize: int64(len(nar))}, gone{})
	if !errors.Is(err, syscall.EPIPE) {
		t.Error(err)
	}
}

type gone struct{}

func (gone) Write([]byte) (int, error) { return 0, syscall.EPIPE }

func TestAddTellsWhoseFaultItIs(t *testing.T) {
	nar := file("content")
	info := Info{Path: named("a"), NarSize: int64(len(nar))}
	if err := serving(t, 1).Add(info, bytes.NewReader(nar)); err != nil {
		t.Error(err)
	}
	err := serving(t, 1).Add(info, bytes.NewReader(nar[:len(nar)-1]))
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(err.Error(), "receiving "+string(info.Path)) {
		t.Errorf("an early end: %v", err)
	}
	s, err := scripted(t, encoded(serveWelcome, serveVersion), "head -c 17 >/dev/null; echo error: hash mismatch >&2; exit 1")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Add(info, bytes.NewReader(nar)); err == nil || err.Error() != "hash mismatch" {
		t.Errorf("refused: %v", err)
	}
}
