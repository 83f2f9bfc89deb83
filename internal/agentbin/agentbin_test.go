package agentbin_test

import (
	"archive/tar"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/nixproxy/nixproxy/internal/agentbin"
	"github.com/nixproxy/nixproxy/internal/agentbin/agentbintest"
	"github.com/nixproxy/nixproxy/internal/hint"
)

// all are the agents that the tests are of: small ones, and those that this was
// built with, if it was.
func all(t *testing.T) map[string]agentbin.Agents {
	t.Helper()
	of := map[string]agentbin.Agents{"small": agentbintest.Agents()}
	if built := agentbin.Embedded(); built.Hashes() != "" {
		of["embedded"] = built
	}
	return of
}

func TestWithoutAgentsItSaysSo(t *testing.T) {
	for name, none := range map[string]agentbin.Agents{"none": {}, "as a plain `go build` leaves it": agentbin.In(embed.FS{})} {
		if _, err := none.For("amd64"); err == nil || !strings.Contains(err.Error(), "built without its agents") || !strings.Contains(hint.Of(err), "make build") {
			t.Errorf("%s: got %v", name, err)
		}
		if none.Hashes() != "" {
			t.Errorf("%s: there are hashes of no agents", name)
		}
	}
	if _, err := (agentbin.Program{Arch: "amd64"}).Archive("/x/agent"); err == nil {
		t.Error("an archive was made of nothing")
	}
	listed := agentbin.In(fstest.MapFS{"bin/sha256sums": {Data: []byte("00  nixproxy-agent-linux-amd64\n")}})
	if p, err := listed.For("amd64"); err != nil {
		t.Error(err)
	} else if _, err := p.Archive("/x/agent"); err == nil {
		t.Error("an archive was made of a program that is not there")
	}
}

func TestForKnowsItsArchitectures(t *testing.T) {
	for of, agents := range all(t) {
		hashes := map[string]bool{}
		for _, arch := range []string{"amd64", "arm64"} {
			p, err := agents.For(arch)
			if err != nil || p.Arch != arch || len(p.Hash) != 64 {
				t.Errorf("%s, %s: %+v, %v", of, arch, p, err)
			}
			if sum := sha256.Sum256(unpack(t, p)["a/agent"].content); hex.EncodeToString(sum[:]) != p.Hash {
				t.Errorf("%s, %s: the hash is not the program's", of, arch)
			}
			if !strings.Contains(agents.Hashes(), p.Hash) || hashes[p.Hash] {
				t.Errorf("%s, %s: hash %s among %q", of, arch, p.Hash, agents.Hashes())
			}
			hashes[p.Hash] = true
		}
		for _, arch := range []string{"riscv64", "", "amd6", "amd64 "} {
			if _, err := agents.For(arch); err == nil || !strings.Contains(err.Error(), "no agent") {
				t.Errorf("%s, %q: got %v", of, arch, err)
			}
		}
	}
}

// A member is a file in an archive.
type member struct {
	*tar.Header
	content []byte
}

// unpack reads the archive of a program, and checks the order of what is in it.
func unpack(t *testing.T, p agentbin.Program, more ...agentbin.File) map[string]member {
	t.Helper()
	archive, err := p.Archive("/a/agent", more...)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	members := map[string]member{}
	for reader := tar.NewReader(archive); ; {
		h, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		members[h.Name] = member{h, content}
	}
	want := []string{"a/", "a/agent"}
	for _, f := range more {
		want = append(want, strings.TrimPrefix(f.Path, "/"))
	}
	if !slices.Equal(names, want) {
		t.Errorf("it holds %q", names)
	}
	return members
}

func TestArchive(t *testing.T) {
	for of, agents := range all(t) {
		p, err := agents.For("amd64")
		if err != nil {
			t.Fatal(err)
		}
		members := unpack(t, p, agentbin.File{Path: "/etc/gitconfig", Content: "[safe]\n"})
		for name, want := range map[string]struct {
			mode int64
			kind byte
		}{"a/": {0o700, tar.TypeDir}, "a/agent": {0o755, tar.TypeReg}, "etc/gitconfig": {0o644, tar.TypeReg}} {
			h := members[name]
			if h.Mode != want.mode || h.Typeflag != want.kind || h.Uid != 0 || h.Gid != 0 {
				t.Errorf("%s, %s: mode %o, type %c, owner %d:%d", of, name, h.Mode, h.Typeflag, h.Uid, h.Gid)
			}
		}
		if sum := sha256.Sum256(members["a/agent"].content); hex.EncodeToString(sum[:]) != p.Hash {
			t.Errorf("%s: the agent in the archive is another one", of)
		}
		if content := string(members["etc/gitconfig"].content); content != "[safe]\n" {
			t.Errorf("%s: gitconfig is %q", of, content)
		}
	}
}
