package engine

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/system"
)

// A Kind is the product that an engine is part of. Products differ in what they
// see of the host.
type Kind string

// The kinds, by the names that people know them by.
const (
	Plain          Kind = "" // shares the host's files, as far as can be told
	Remote         Kind = "another machine's"
	DockerDesktop  Kind = "Docker Desktop"
	OrbStack       Kind = "OrbStack"
	Colima         Kind = "Colima"
	RancherDesktop Kind = "Rancher Desktop"
	Lima           Kind = "Lima"
	PodmanMachine  Kind = "Podman machine"
)

// kinds has the signs of each product: what its engine answers, then its socket.
var kinds = []struct {
	kind         Kind
	system, name string // how they begin; "" is not looked at
	sockets      []string
}{
	{DockerDesktop, "Docker Desktop", "docker-desktop", []string{"/.docker/run/", "/.docker/desktop/"}},
	{OrbStack, "OrbStack", "orbstack", []string{"/.orbstack/"}},
	{RancherDesktop, "Rancher Desktop", "lima-rancher-desktop", []string{"/.rd/"}},
	{Colima, "", "colima", []string{"/.colima/", "/colima/"}},
	{Lima, "", "lima-", []string{"/.lima/"}},
	{PodmanMachine, "", "", []string{"/podman/machine/", "/podman/podman-machine"}},
}

// Kind asks the engine for its product. Where it does not answer, its address alone
// decides.
func (e *Engine) Kind(ctx context.Context) Kind {
	info, _ := e.api.Info(ctx)
	address := e.Endpoint.Address
	if socket, ok := strings.CutPrefix(address, "unix://"); ok {
		// Most of them offer a link to theirs at /var/run/docker.sock.
		if real, err := filepath.EvalSymlinks(socket); err == nil {
			address = "unix://" + real
		}
	}
	return kindOf(address, info)
}

func kindOf(address string, info system.Info) Kind {
	if !(Endpoint{Address: address}).Local() {
		return Remote
	}
	for _, k := range kinds {
		if k.system != "" && strings.HasPrefix(info.OperatingSystem, k.system) || k.name != "" && strings.HasPrefix(info.Name, k.name) {
			return k.kind
		}
	}
	for _, k := range kinds {
		for _, part := range k.sockets {
			if strings.Contains(address, part) {
				return k.kind
			}
		}
	}
	return Plain
}

// unshared has the words in which Docker, Docker Desktop and Podman refuse a path
// that they do not see. Podman 5.8 was seen to make an empty directory of it instead.
var unshared = []string{"bind source path does not exist", "Mounts denied", "is not shared from the host", "statfs "}

// IsUnshared tells whether an engine refused a mount in those words.
func IsUnshared(err error) bool {
	return slices.ContainsFunc(unshared, func(words string) bool { return strings.Contains(err.Error(), words) })
}

// Sharing tells how the engine is made to see a path of the host.
func (k Kind) Sharing(path string) string {
	at := "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	switch k {
	case DockerDesktop:
		return "add it in Docker Desktop, under Settings > Resources > File sharing"
	case OrbStack:
		return "OrbStack shares what it may read itself: allow it the folder in " + privacy
	case Colima:
		return fmt.Sprintf("share it with `colima stop && colima start --mount ~:w --mount %s:w`", at)
	case RancherDesktop:
		return "add it to the mounts in ~/Library/Application Support/rancher-desktop/lima/_config/override.yaml, and restart Rancher Desktop"
	case Lima:
		return fmt.Sprintf("share it with `limactl edit --mount %s:w` and the name of the virtual machine, which must be stopped for it", at)
	case PodmanMachine:
		return fmt.Sprintf("make the machine anew with `podman machine rm && podman machine init -v ~:$HOME -v %s:%s`", at, at)
	case Remote:
		return "the engine is on another machine, and mounts what is there: put the same files at the same path, or use --no-mount"
	}
	return "the engine seems to be in a virtual machine, another container or another mount namespace: share the path with it, or use --no-mount"
}

const privacy = "System Settings > Privacy & Security > Files and Folders"

// Allowing tells how an engine on a system (GOOS) gets the right to read a path
// that the user can read.
func (k Kind) Allowing(goos string) string {
	program := string(k)
	if k == Plain {
		program = "the engine"
	}
	switch {
	case k == Remote || goos != "darwin":
		return "the engine's user has no right to it there, as on a network's file system, without root, or under SELinux: use a directory that it can read"
	default:
		return "allow it to " + program + " in " + privacy
	}
}
