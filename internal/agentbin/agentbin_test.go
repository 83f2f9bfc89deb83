package agentbin

import (
	"archive/tar"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"testing"
)

// built fails a test of the agents where nobody made them.
func built(t *testing.T) {
	t.Helper()
	if Hashes() == "" {
		t.Fatal("the agents are missing: run `make agents`")
	}
}

func TestWithoutAgentsItSaysSo(t *testing.T) {
	before := files
	files = embed.FS{} // as a plain `go build` leaves it
	defer func() { files = before }()
	if _, err := For("amd64"); err == nil || !strings.Contains(err.Error(), "built without its agents") || !strings.Contains(err.Error(), "make build") {
		t.Errorf("got %v", err)
	}
	if _, err := (Program{Arch: "amd64"}).Archive("/x/agent"); err == nil {
		t.Error("an archive was made of nothing")
	}
	if Hashes() != "" {
		t.Error("there are hashes of no agents")
	}
}

func TestForKnowsItsArchitectures(t *testing.T) {
	built(t)
	hashes := map[string]bool{}
	for _, arch := range []string{"amd64", "arm64"} {
		p, err := For(arch)
		if err != nil || p.Arch != arch || len(p.Hash) != 64 {
			t.Errorf("%s: %+v, %v", arch, p, err)
		}
		program, err := files.ReadFile("bin/" + name(arch))
		if sum := sha256.Sum256(program); err != nil || hex.EncodeToString(sum[:]) != p.Hash {
			t.Errorf("%s: the hash is not the program's, %v", arch, err)
		}
		if !strings.Contains(Hashes(), p.Hash) || hashes[p.Hash] {
			t.Errorf("%s: hash %s among %q", arch, p.Hash, Hashes())
		}
		hashes[p.Hash] = true
	}
	for _, arch := range []string{"riscv64", "", "amd6", "amd64 "} {
		if _, err := For(arch); err == nil || !strings.Contains(err.Error(), "no agent") {
			t.Errorf("%q: got %v", arch, err)
		}
	}
}

func TestArchive(t *testing.T) {
	built(t)
	p, err := For("amd64")
	if err != nil {
		t.Fatal(err)
	}
	archive, err := p.Archive("/nixproxy/agent", File{"/etc/gitconfig", "[safe]\n"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	reader := tar.NewReader(archive)
	for {
		h, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		content, err := io.ReadAll(reader)
		if err != nil || h.Uid != 0 || h.Gid != 0 {
			t.Errorf("%s: owner %d:%d, %v", h.Name, h.Uid, h.Gid, err)
		}
		want := map[string]struct {
			mode int64
			kind byte
		}{"nixproxy/": {0o700, tar.TypeDir}, "nixproxy/agent": {0o755, tar.TypeReg}, "etc/gitconfig": {0o644, tar.TypeReg}}[h.Name]
		if h.Mode != want.mode || h.Typeflag != want.kind {
			t.Errorf("%s: mode %o and type %c", h.Name, h.Mode, h.Typeflag)
		}
		sum := sha256.Sum256(content)
		if h.Name == "nixproxy/agent" && hex.EncodeToString(sum[:]) != p.Hash {
			t.Error("the agent in the archive is another one")
		}
		if h.Name == "etc/gitconfig" && string(content) != "[safe]\n" {
			t.Errorf("gitconfig is %q", content)
		}
	}
	if !slices.Equal(names, []string{"nixproxy/", "nixproxy/agent", "etc/gitconfig"}) {
		t.Errorf("it holds %q", names)
	}
}
