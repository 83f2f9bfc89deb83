package engine

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/docker/cli/cli/config"
	dockercontext "github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
	"github.com/docker/docker/client"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// An Endpoint is the address of an engine, and where that address came from.
type Endpoint struct {
	Address string // unix:///…, tcp://…, ssh://…
	Origin  string // for people: "--host", "DOCKER_HOST", "context colima", "found"
	options []client.Opt
}

// Local tells whether the engine, or what forwards its ports, seems to be on this
// machine. A socket may yet lead elsewhere.
func (e Endpoint) Local() bool {
	at, err := client.ParseHostURL(e.Address)
	if err != nil {
		return false
	}
	switch at.Scheme {
	case "unix", "npipe":
		return true
	case "tcp":
		name, _, _ := net.SplitHostPort(at.Host)
		return name == "localhost" || net.ParseIP(name).IsLoopback()
	}
	return false
}

// A Choice is the user's choice of an engine; an empty field is none.
type Choice struct {
	Host    string // an address
	Context string // the name of a docker context
}

// A Host is what Find reads of the machine.
type Host struct {
	Getenv func(string) string
	Home   string
	// Dial tells whether a program listens on a unix socket.
	Dial func(path string) error
}

// ThisHost returns the machine that nixproxy runs on.
func ThisHost() Host {
	home, _ := os.UserHomeDir() // without one the places below it are not looked at
	return Host{Getenv: os.Getenv, Home: home, Dial: dialSocket}
}

func dialSocket(path string) error {
	// To the kernel a path that is too long for a socket is an "invalid argument".
	if _, err := os.Stat(path); err != nil {
		return err
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err != nil {
		return err
	}
	return conn.Close()
}

// Find returns the engine to use: what the user chose, else docker's own
// DOCKER_HOST, DOCKER_CONTEXT and current context (in docker's order), else the
// first known socket that a program listens on. It sends no request.
func Find(choice Choice, host Host) (Endpoint, error) {
	switch {
	case choice.Host != "":
		return fromAddress(choice.Host, "--host")
	case choice.Context != "":
		return fromContext(choice.Context, "--context "+choice.Context, host)
	case host.Getenv(client.EnvOverrideHost) != "":
		return fromAddress(host.Getenv(client.EnvOverrideHost), client.EnvOverrideHost)
	case host.Getenv("DOCKER_CONTEXT") != "":
		name := host.Getenv("DOCKER_CONTEXT")
		return fromContext(name, "DOCKER_CONTEXT="+name, host)
	}
	// docker itself complains about a configuration that cannot be read.
	if file, err := config.Load(config.Dir()); err == nil && file.CurrentContext != "" && file.CurrentContext != "default" {
		return fromContext(file.CurrentContext, "context "+file.CurrentContext, host)
	}
	return search(host)
}

func fromAddress(address, origin string) (Endpoint, error) {
	endpoint := dockercontext.Endpoint{EndpointMeta: dockercontext.EndpointMeta{Host: address}}
	if err := checkAddress(address, origin); err != nil {
		return Endpoint{}, err
	}
	options, err := endpoint.ClientOpts()
	if err != nil {
		return Endpoint{}, fmt.Errorf("using the engine at %s (%s): %w", address, origin, err)
	}
	// DOCKER_CERT_PATH and DOCKER_TLS_VERIFY belong to addresses, not to contexts.
	if strings.HasPrefix(address, "tcp://") {
		options = append(options, client.WithTLSClientConfigFromEnv())
	}
	return Endpoint{Address: address, Origin: origin, options: options}, nil
}

func checkAddress(address, origin string) error {
	if _, err := client.ParseHostURL(address); err != nil {
		return hint.Add(fmt.Errorf("%s: %q is not an engine's address", origin, address), "write unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST")
	}
	return nil
}

func fromContext(name, origin string, host Host) (Endpoint, error) {
	if name == "default" { // docker's name for "no context"
		if address := host.Getenv(client.EnvOverrideHost); address != "" {
			return fromAddress(address, client.EnvOverrideHost)
		}
		return search(host)
	}
	contexts := store.New(config.ContextStoreDir(), store.NewConfig(
		func() any { return &map[string]any{} },
		store.EndpointTypeGetter(dockercontext.DockerEndpoint, func() any { return &dockercontext.EndpointMeta{} }),
	))
	metadata, err := contexts.GetMetadata(name)
	if err != nil && !IsNotFound(err) {
		return Endpoint{}, fmt.Errorf("reading docker context %q (%s): %w", name, origin, err)
	}
	if err != nil {
		return Endpoint{}, hint.Add(fmt.Errorf("docker context %q (%s) is not there", name, origin), "`docker context ls` lists those that are")
	}
	meta, err := dockercontext.EndpointFromContext(metadata)
	if err != nil {
		return Endpoint{}, fmt.Errorf("docker context %q (%s): %w", name, origin, err)
	}
	if err := checkAddress(meta.Host, origin); err != nil {
		return Endpoint{}, err
	}
	endpoint, err := dockercontext.WithTLSData(contexts, name, meta)
	if err != nil {
		return Endpoint{}, fmt.Errorf("reading the TLS data of docker context %q: %w", name, err)
	}
	options, err := endpoint.ClientOpts()
	if err != nil {
		return Endpoint{}, fmt.Errorf("using docker context %q: %w", name, err)
	}
	return Endpoint{Address: meta.Host, Origin: origin, options: options}, nil
}

// search tries the sockets of the engines we know, and names each in its error.
func search(host Host) (Endpoint, error) {
	var tried []string
	for _, path := range knownSockets(host) {
		err := host.Dial(path)
		if err == nil {
			return fromAddress("unix://"+path, "found")
		}
		tried = append(tried, "  unix://"+path+": "+reason(err))
	}
	return Endpoint{}, hint.Add(fmt.Errorf("no engine answers; tried\n%s", strings.Join(tried, "\n")),
		"start one (Docker Desktop, OrbStack, `colima start`, `podman machine start`, or dockerd), or name it with --host or --context")
}

// reason shortens a dial's error for a reader who sees the path already.
func reason(err error) string {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "not there"
	case errors.Is(err, os.ErrPermission):
		return "permission denied"
	}
	var op *net.OpError
	if errors.As(err, &op) {
		var call *os.SyscallError
		if errors.As(op.Err, &call) {
			return call.Err.Error()
		}
	}
	return err.Error()
}

// knownSockets lists where engines listen by default: Docker Engine and Docker
// Desktop, rootless Docker, OrbStack, Colima, Rancher Desktop, Lima's docker
// template, Podman and its machine on a Mac.
func knownSockets(host Host) []string {
	sockets := []string{"/var/run/docker.sock"}
	runtime := host.Getenv("XDG_RUNTIME_DIR")
	if runtime != "" {
		sockets = append(sockets, filepath.Join(runtime, "docker.sock"))
	}
	if host.Home != "" {
		for _, path := range []string{
			".docker/run/docker.sock",
			".docker/desktop/docker.sock",
			".orbstack/run/docker.sock",
			".colima/default/docker.sock",
			".config/colima/default/docker.sock",
			".rd/docker.sock",
			".lima/docker/sock/docker.sock",
			".local/share/containers/podman/machine/podman.sock",
		} {
			sockets = append(sockets, filepath.Join(host.Home, path))
		}
	}
	if temp := host.Getenv("TMPDIR"); temp != "" {
		sockets = append(sockets, filepath.Join(temp, "podman/podman-machine-default-api.sock"))
	}
	if runtime != "" {
		sockets = append(sockets, filepath.Join(runtime, "podman/podman.sock"))
	}
	return append(sockets, "/run/podman/podman.sock")
}
