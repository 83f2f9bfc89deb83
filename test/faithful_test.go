package test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A faithfulCase is a bash script of the caller's. $RUN in it stands before each
// command that is compared: it is empty, and then `nixproxy run --`. Nothing that
// can be seen may tell the two apart: the script's stdout, stderr, exit status,
// and what it leaves in its directory.
//
// Programs inside are the image's and outside the machine's, so a script keeps to
// what all shells and coreutils do alike, the words of error messages not among it.
// $BYTES is a file of 3 MB with all bytes in it, here and inside.
type faithfulCase struct{ name, script string }

// TestFaithful runs each case on this machine, over the port and over the bridge.
func TestFaithful(t *testing.T) {
	t.Parallel()
	testFaithful(t, newPlace(t, theWorld.engine, "faithful"))
}

// TestFaithfulOnEngines is the same on each of NIXPROXY_TEST_ENGINES, which at
// last dies under its commands.
func TestFaithfulOnEngines(t *testing.T) {
	for _, kind := range testEngines() {
		t.Run(kind, func(t *testing.T) {
			e := startEngine(t, kind)
			p := newPlace(t, e, "faithful-"+kind)
			testFaithful(t, p)
			p.engineEnds(t)
		})
	}
}

func testFaithful(t *testing.T, p *place) {
	t.Run("streams", func(t *testing.T) { testCases(t, p) })
	t.Run("pressure", func(t *testing.T) { testPressure(t, p) })
	t.Run("signals", func(t *testing.T) { testSignals(t, p) })
	t.Run("ends", func(t *testing.T) { testEnds(t, p) })
}

func testCases(t *testing.T, p *place) {
	p = p.with("BYTES=" + allBytes(t, p.dir))
	for _, cases := range [][]faithfulCase{streamCases, argumentCases, endCases, fileCases} {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) { p.compare(t, c) })
		}
	}
}

// allBytes is a file in which every byte, and most pairs of them, occur.
func allBytes(t *testing.T, dir string) string {
	random, content := rand.NewChaCha8([32]byte{}), make([]byte, 3_000_000)
	_, _ = random.Read(content)
	path := filepath.Join(dir, "bytes")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func (p *place) compare(t *testing.T, c faithfulCase) {
	want := p.outcome(t, "", c.script)
	for _, transport := range transports {
		got := p.over(transport).outcome(t, "nixproxy run --", c.script)
		for _, difference := range got.differences(want) {
			t.Errorf("over the %s: %s", transport, difference)
		}
	}
}

// An outcome is what can be seen of a script.
type outcome struct {
	stdout, stderr string
	status         int
	files          []string
}

func (o outcome) differences(want outcome) []string {
	var found []string
	for _, of := range []struct{ what, got, want string }{
		{"stdout", o.stdout, want.stdout},
		{"stderr", o.stderr, want.stderr},
		{"exit status", fmt.Sprint(o.status), fmt.Sprint(want.status)},
		{"files", strings.Join(o.files, "\n"), strings.Join(want.files, "\n")},
	} {
		if of.got != of.want {
			found = append(found, fmt.Sprintf("%s: got %s, want %s", of.what, excerpt(of.got), excerpt(of.want)))
		}
	}
	return found
}

func excerpt(s string) string {
	const most = 1500
	if len(s) > most {
		return fmt.Sprintf("%d bytes, %q…", len(s), s[:most])
	}
	return fmt.Sprintf("%q", s)
}

// slowest is how long anything may take. What hangs has failed; what is slow on a
// machine with much else to do has not.
const slowest = 2 * time.Minute

// outcome runs a script in an empty directory, each time of the same name.
func (p *place) outcome(t *testing.T, run, script string) outcome {
	t.Helper()
	dir := filepath.Join(p.dir, strings.ReplaceAll(t.Name(), "/", "-"))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(t.Context(), slowest)
	defer cancel()
	c := exec.CommandContext(ctx, "bash", "-c", script)
	c.Dir, c.Env = dir, append(slices.Clone(p.env), "RUN="+run)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = slowest / 4 // for what the script has left with its outputs
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("with %q: %v\nstdout %s\nstderr %s", run, errors.Join(err, ctx.Err()), excerpt(stdout.String()), excerpt(stderr.String()))
	}
	return outcome{stdout.String(), stderr.String(), c.ProcessState.ExitCode(), manifest(t, dir)}
}

// manifest lists what is in a directory: modes, names, links' targets, contents.
func manifest(t *testing.T, dir string) []string {
	var files []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		content := ""
		switch info.Mode().Type() {
		case 0:
			bytes, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			content = fmt.Sprintf("%d bytes %.8x", len(bytes), sha256.Sum256(bytes))
		case fs.ModeSymlink:
			if content, err = os.Readlink(path); err != nil {
				return err
			}
		}
		files = append(files, fmt.Sprintf("%v %q %s", info.Mode(), strings.TrimPrefix(path, dir), content))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
