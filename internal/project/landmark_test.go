package project

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
)

func TestLandmarks(t *testing.T) {
	root, _ := tempHome(t)
	mkdir(t, root+"/empty")
	mkdir(t, root+"/dirs/a")
	symlink(t, "a", root+"/dirs/b")
	write(t, root+"/mixed/file", "x")
	mkdir(t, root+"/mixed/dir")
	write(t, root+"/bytes/\xff", "x")
	repo(t, root+"/repo")
	write(t, root+"/repo/flake.nix", "{}")
	mkdir(t, root+"/sockets")
	listener, err := net.Listen("unix", root+"/sockets/s")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for i := range 3 * mostRead {
		write(t, fmt.Sprintf("%s/many/%d", root, i), "")
	}
	for dir, want := range map[string]string{
		"gone": "", "empty": "", "dirs": "a b", "mixed": "file", "mixed/file": "", "bytes": "", "repo": ".git/HEAD flake.nix", "sockets": "",
	} {
		got := Landmarks(root + "/" + dir)
		slices.Sort(got)
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %q, want %s", dir, got, want)
		}
	}
	if got := Landmarks(root + "/many"); len(got) != landmarks {
		t.Errorf("of many: %q", got)
	}
}
