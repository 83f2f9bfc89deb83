// Package proxytest is a host and an engine for the tests of what runs in proxy
// containers. The engine is one in memory (enginetest), and its agents are
// programs of the test's process: one prepares a volume, one syncs an image, one
// lets clients in, and one is an SSH server that runs sessions. Nothing but tests
// imports it. It does not import proxy, whose own tests use it too.
package proxytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/container"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/engine/enginetest"
	"github.com/nixproxy/nixproxy/internal/image"
	"github.com/nixproxy/nixproxy/internal/session"
	"github.com/nixproxy/nixproxy/internal/session/sessiontest"
	"github.com/nixproxy/nixproxy/internal/settings"
	"github.com/nixproxy/nixproxy/internal/state"
	"github.com/nixproxy/nixproxy/internal/terminal"
	"github.com/nixproxy/nixproxy/internal/volume"
)

// What a command without other settings uses.
const (
	Version   = "2.26.3"
	Reference = "nixos/nix:" + Version
	Volume    = "nixproxy-linux-amd64"
	Anchor    = Volume + "-anchor"
	Throwaway = Volume + "-sync"
)

// Image is the image of Reference, which the engine has.
var Image = engine.Image{ID: "sha256:1", OS: "linux", Arch: "amd64", Layers: []string{"layer"}}

// Stamp is what a sync of Image leaves in a volume.
func Stamp() agentapi.Stamp {
	return agentapi.Stamp{Identity: image.Identity(Image), Reference: Reference, Version: "nix (Nix) " + Version, Synced: "2025-01-02T03:04:05Z"}
}

// A World is a host with an engine. Its fields are to be set before it is used.
type World struct {
	*enginetest.Engine
	Dir      string // the host's working directory
	Home     string
	Settings settings.Settings
	Terminal *terminal.Terminal
	State    *state.Dir
	HostKey  ssh.Signer // of the volume
	// Run is what a session does that is not the question for Nix's version. It
	// begins with Started or Refuse.
	Run func(*session.Session)
	// Nix is what `nix --version` prints in a container.
	Nix string

	mu       sync.Mutex
	stderr   bytes.Buffer
	stamps   []agentapi.Stamp
	damage   string
	requests []session.Request
	keys     []string // that were enrolled
}

// New returns a world with the image and nothing else on its engine. It keeps the
// machine's own Nix out of the test.
func New(t *testing.T) *World {
	t.Helper()
	Isolate(t)
	return NewIn(t)
}

// Isolate keeps the machine's own Nix out of a test.
func Isolate(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{"NIX_CONF_DIR": t.TempDir(), "NIX_USER_CONF_FILES": "", "NIX_CONFIG": "", "PATH": t.TempDir()} {
		t.Setenv(name, value)
	}
}

// NewIn is New in a bubble of package synctest, before which the test was isolated.
func NewIn(t *testing.T) *World {
	t.Helper()
	states, err := state.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &World{Engine: enginetest.New(t), Dir: dir, Home: t.TempDir(), State: states, HostKey: sessiontest.Signer(t), Nix: "nix (Nix) " + Version + "\n"}
	w.Settings = settings.Settings{NixVersion: Version, Host: "tcp://192.0.2.1:1", Transport: "exec"}
	w.Terminal = terminal.New(w, terminal.Options{Mode: "plain", Debug: true})
	w.Run = func(s *session.Session) { _ = s.Started(); s.Exit(session.Exit{}, 0) }
	w.AddImage(Image, Reference)
	w.Program(agentapi.ModePrepare, enginetest.Answer(w.prepare))
	w.Program(agentapi.ModeSync, w.sync)
	w.Program(agentapi.ModeEnroll, enginetest.Answer(w.enroll))
	w.Program(agentapi.ModeDescribe, enginetest.Answer(describe))
	w.Program(agentapi.ModeConnect, func(p *enginetest.Process) int {
		return enginetest.Serve(func(c net.Conn) { w.Serve(c, p.Container.Labels[container.LabelSpecification]) })(p)
	})
	return w
}

// Write takes what the user is shown.
func (w *World) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stderr.Write(p)
}

// Shown returns what the user was shown, debug lines included.
func (w *World) Shown() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stderr.String()
}

// AddVolume puts the default volume there, with the stamps of images in it.
func (w *World) AddVolume(stamps ...agentapi.Stamp) {
	w.Engine.AddVolume(Volume, map[string]string{container.LabelVolume: Volume, volume.LabelLayout: agentapi.Layout,
		volume.LabelFlavour: "nix", volume.LabelPlatform: "linux/amd64"})
	w.SetStamps(stamps...)
}

// AddAnchor puts the default volume's anchor there, in a state.
func (w *World) AddAnchor(state string) engine.Container {
	return w.Add(engine.Container{Name: Anchor, State: state, Image: Image.ID,
		Labels: map[string]string{container.LabelVolume: Volume, container.LabelRole: string(container.RoleAnchor)}})
}

// SetStamps says which images' stores are in the volume.
func (w *World) SetStamps(stamps ...agentapi.Stamp) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stamps = stamps
}

// SetDamage says what keeps agents from starting in the volume.
func (w *World) SetDamage(damage string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.damage = damage
}

// SessionRequests returns the requests of the sessions that were asked for, but
// for the questions for Nix's version.
func (w *World) SessionRequests() []session.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.requests)
}

func (w *World) prepare(string) (stdout, stderr string, status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text, err := json.Marshal(agentapi.Prepared{Stamps: append([]agentapi.Stamp{}, w.stamps...), Damage: w.damage})
	if err != nil {
		return "", err.Error(), 1
	}
	return string(text), "", 0
}

// sync stamps the volume for the image that it is asked to copy.
func (w *World) sync(p *enginetest.Process) int {
	stamp := Stamp()
	stamp.Identity, stamp.Reference = p.Args[0], p.Args[1]
	w.mu.Lock()
	w.stamps = append(w.stamps, stamp)
	w.mu.Unlock()
	return Result(p.Stdout, agentapi.Synced{Stamp: &stamp})
}

// Result ends a job with what came of it, and returns its status.
func Result(to io.Writer, result any) int {
	text, err := json.Marshal(result)
	if err == nil {
		err = json.NewEncoder(to).Encode(agentapi.Event{Result: text})
	}
	if err != nil {
		return 1
	}
	return 0
}

func (w *World) enroll(key string) (stdout, stderr string, status int) {
	public, _, _, _, err := ssh.ParseAuthorizedKey([]byte(key))
	if err != nil {
		return "", err.Error(), 1
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keys = append(w.keys, string(public.Marshal()))
	return string(ssh.MarshalAuthorizedKey(w.HostKey.PublicKey())), "", 0
}

// describe sees what the host has: mounts are at the same paths.
func describe(request string) (stdout, stderr string, status int) {
	var views []agentapi.View
	if err := json.Unmarshal([]byte(request), &views); err != nil {
		return "", err.Error(), 1
	}
	all := [][]string{}
	for _, v := range views {
		all = append(all, v.Facts())
	}
	text, err := json.Marshal(all)
	if err != nil {
		return "", err.Error(), 1
	}
	return string(text), "", 0
}

// Serve is the agent of a container with the specification, at one connection. It
// lets in whoever was enrolled.
func (w *World) Serve(conn net.Conn, specification string) {
	defer conn.Close()
	config := &ssh.ServerConfig{ServerVersion: session.Banner(specification), PublicKeyCallback: w.authenticate}
	config.AddHostKey(w.HostKey)
	server, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	defer server.Close()
	go ssh.DiscardRequests(requests)
	var running sync.WaitGroup
	defer running.Wait()
	for c := range channels {
		s, requests, err := session.Accept(server, c)
		if err != nil {
			return
		}
		go ssh.DiscardRequests(requests)
		running.Go(func() { w.run(s) })
	}
}

func (w *World) authenticate(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(w.keys, string(key.Marshal())) {
		return nil, errors.New("this key was not enrolled")
	}
	return nil, nil
}

func (w *World) run(s *session.Session) {
	if slices.Equal(s.Request.Argv, []string{"nix", "--version"}) {
		_ = s.Started()
		_, _ = io.WriteString(s, w.Nix)
		s.Exit(session.Exit{}, 0)
		return
	}
	w.mu.Lock()
	w.requests = append(w.requests, s.Request)
	w.mu.Unlock()
	w.Run(s)
}

// Link makes a link in the working directory.
func (w *World) Link(t *testing.T, name, target string) {
	t.Helper()
	if err := os.Symlink(target, filepath.Join(w.Dir, name)); err != nil {
		t.Fatal(err)
	}
}

// InstallNix puts a Nix on the host's PATH whose programs are scripts.
func (w *World) InstallNix(t *testing.T, scripts map[string]string) {
	t.Helper()
	for name, script := range scripts {
		if err := os.WriteFile(filepath.Join(os.Getenv("PATH"), name), []byte(fmt.Sprintf("#!/bin/sh\n%s\n", script)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
}
