package engine

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/system"
)

func TestKindOf(t *testing.T) {
	for _, test := range []struct {
		address, system, name string
		want                  Kind
	}{
		{"unix:///Users/u/.docker/run/docker.sock", "Docker Desktop", "docker-desktop", DockerDesktop},
		{"unix:///home/u/.docker/desktop/docker.sock", "Docker Desktop", "docker-desktop", DockerDesktop},
		{"unix:///var/run/docker.sock", "Docker Desktop", "docker-desktop", DockerDesktop},
		{"unix:///Users/u/.docker/run/docker.sock", "", "", DockerDesktop}, // it did not answer
		{"unix:///Users/u/.orbstack/run/docker.sock", "OrbStack", "orbstack", OrbStack},
		{"unix:///var/run/docker.sock", "OrbStack", "orbstack", OrbStack},
		{"unix:///Users/u/.colima/default/docker.sock", "Ubuntu 24.04.2 LTS", "colima", Colima},
		{"unix:///Users/u/.config/colima/work/docker.sock", "Ubuntu 24.04.2 LTS", "colima-work", Colima},
		{"unix:///Users/u/.colima/docker.sock", "Alpine Linux v3.16", "x", Colima},
		{"unix:///Users/u/.rd/docker.sock", "Alpine Linux v3.20", "lima-rancher-desktop", RancherDesktop},
		{"unix:///Users/u/.rd/docker.sock", "Rancher Desktop WSL Distribution", "pc", RancherDesktop},
		{"unix:///Users/u/.lima/docker/sock/docker.sock", "Ubuntu 24.10", "lima-docker", Lima},
		{"unix:///Users/u/.local/share/containers/podman/machine/podman.sock", "fedora", "localhost.localdomain", PodmanMachine},
		{"unix:///var/folders/zz/T/podman/podman-machine-default-api.sock", "fedora", "localhost.localdomain", PodmanMachine},
		{"unix:///run/podman/podman.sock", "debian", "vm", Plain},
		{"unix:///run/user/1000/podman/podman.sock", "fedora", "laptop", Plain},
		{"unix:///var/run/docker.sock", "Debian GNU/Linux 12 (bookworm)", "vm", Plain},
		{"tcp://127.0.0.1:2375", "Debian GNU/Linux 12 (bookworm)", "vm", Plain},
		{"tcp://127.0.0.1:2375", "Docker Desktop", "docker-desktop", DockerDesktop},
		{"tcp://builder:2376", "Debian GNU/Linux 12 (bookworm)", "builder", Remote},
		{"ssh://u@builder", "Docker Desktop", "docker-desktop", Remote},
	} {
		if got := kindOf(test.address, system.Info{OperatingSystem: test.system, Name: test.name}); got != test.want {
			t.Errorf("%s %s %s: got %q, want %q", test.address, test.system, test.name, got, test.want)
		}
	}
}

func TestKindAsksTheEngine(t *testing.T) {
	e := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/info") {
			t.Errorf("asked %s", r.URL)
		}
		always(200, `{"OperatingSystem":"OrbStack","Name":"orbstack"}`)(w, r)
	})
	e.Endpoint.Address = "unix:///var/run/docker.sock"
	if got := e.Kind(t.Context()); got != OrbStack {
		t.Errorf("got %q", got)
	}
	socket := t.TempDir() + "/.colima/docker.sock"
	link := t.TempDir() + "/docker.sock"
	for _, err := range []error{os.Mkdir(strings.TrimSuffix(socket, "/docker.sock"), 0o755), os.WriteFile(socket, nil, 0o600), os.Symlink(socket, link)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	silent := answering(t, always(500, `{"message":"m"}`))
	silent.Endpoint.Address = "unix://" + link
	if got := silent.Kind(t.Context()); got != Colima {
		t.Errorf("a link to a known socket: got %q", got)
	}
}

func TestSharing(t *testing.T) {
	const path = "/Volumes/My Disk/it's"
	for kind, want := range map[Kind]string{
		DockerDesktop: "Settings > Resources > File sharing", OrbStack: "Privacy & Security > Files and Folders",
		Colima: `--mount '/Volumes/My Disk/it'\''s':w`, Lima: `--mount '/Volumes/My Disk/it'\''s':w`, RancherDesktop: "override.yaml",
		PodmanMachine: "podman machine init -v", Remote: "at the same path", Plain: "share the path",
	} {
		if got := kind.Sharing(path); !strings.Contains(got, want) || strings.Contains(got, "\n") {
			t.Errorf("%q: %q", kind, got)
		}
	}
	for kind, want := range map[Kind][2]string{
		DockerDesktop: {"Docker Desktop in System Settings", "no right"}, Plain: {"the engine in System Settings", "no right"}, Remote: {"no right", "no right"},
	} {
		if mac, linux := kind.Allowing("darwin"), kind.Allowing("linux"); !strings.Contains(mac, want[0]) || !strings.Contains(linux, want[1]) {
			t.Errorf("%q: %q, %q", kind, mac, linux)
		}
	}
}

func TestIsUnshared(t *testing.T) {
	for text, want := range map[string]bool{
		`creating container c: invalid mount config for type "bind": bind source path does not exist: /p`:                               true,
		"starting container c: Mounts denied: \nThe path /p is not shared from the host and is not known to Docker.":                    true,
		"creating container c: statfs /p: no such file or directory":                                                                    true,
		"starting container c: driver failed programming external connectivity: Bind for 127.0.0.1:1 failed: port is already allocated": false,
		"creating container c: no such image": false,
	} {
		if got := IsUnshared(errors.New(text)); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
}
