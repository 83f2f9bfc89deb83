package enginetest_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/engine/enginetest"
	"github.com/nixproxy/nixproxy/internal/image"
	"github.com/nixproxy/nixproxy/internal/volume"
)

var (
	_ volume.Engine = (*enginetest.Engine)(nil)
	_ image.Engine  = (*enginetest.Engine)(nil)
)

// started is an engine with a container that runs.
func started(t *testing.T) (*enginetest.Engine, string) {
	t.Helper()
	e := enginetest.New(t)
	e.AddImage(engine.Image{ID: "image", OS: "linux", Arch: "amd64"}, "nixos/nix:1")
	id := create(t, e, engine.Specification{Name: "c"})
	must(t, e.StartContainer(t.Context(), id))
	e.WantCalls("create c", "copy c", "start c")
	return e, id
}

// create makes a container with its agent.
func create(t *testing.T, e *enginetest.Engine, s engine.Specification) string {
	t.Helper()
	s.Image = "image"
	id, err := e.CreateContainer(t.Context(), s)
	must(t, err)
	must(t, e.CopyInto(t.Context(), id, agent()))
	return id
}

func agent() io.Reader {
	return bytes.NewReader(enginetest.Tar(strings.TrimPrefix(agentapi.Binary, "/"), "program"))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func state(e *enginetest.Engine, name string) string {
	if c := e.Container(name); c != nil {
		return c.State
	}
	return "gone"
}

func TestContainersHaveNamesAndStates(t *testing.T) {
	e, id := started(t)
	if _, err := e.CreateContainer(t.Context(), engine.Specification{Name: "c", Image: "image"}); !engine.IsConflict(err) {
		t.Errorf("a name that is taken: %v", err)
	}
	if _, err := e.CreateContainer(t.Context(), engine.Specification{Name: "d", Image: "none"}); !engine.IsNotFound(err) {
		t.Errorf("an image that is not there: %v", err)
	}
	if _, err := e.FindContainer(t.Context(), "d"); !engine.IsNotFound(err) {
		t.Errorf("a container that is not there: %v", err)
	}
	e.Change("c", func(c *enginetest.Container) { c.State = "paused" })
	if err := e.StartContainer(t.Context(), id); !engine.IsConflict(err) {
		t.Errorf("starting what is paused: %v", err)
	}
	must(t, e.UnpauseContainer(t.Context(), id))
	must(t, e.StopContainer(t.Context(), id, time.Minute))
	if got := state(e, "c"); got != "exited" {
		t.Errorf("after its stop it is %s", got)
	}
	must(t, e.RemoveContainer(t.Context(), id))
	must(t, e.RemoveContainer(t.Context(), id))
	must(t, e.StopContainer(t.Context(), id, 0))
	must(t, e.WaitRemoved(t.Context(), id))
	if got := e.Names(); len(got) != 0 {
		t.Errorf("left are %q", got)
	}
}

func TestNothingStartsWithoutItsAgent(t *testing.T) {
	e, _ := started(t)
	id, err := e.CreateContainer(t.Context(), engine.Specification{Name: "d", Image: "image"})
	must(t, err)
	if err := e.StartContainer(t.Context(), id); err == nil {
		t.Error("it was started")
	}
}

func TestAContainerNeedsTheOneWhosePIDNamespaceItIsIn(t *testing.T) {
	e, anchor := started(t)
	id := create(t, e, engine.Specification{Name: "d", PidOf: anchor, Publish: 7})
	must(t, e.StartContainer(t.Context(), id))
	e.Address = "127.0.0.1:1"
	if c, err := e.FindContainer(t.Context(), "d"); err != nil || c.PidOf != anchor || c.Address != e.Address {
		t.Errorf("%+v, %v", c, err)
	}
	must(t, e.StopContainer(t.Context(), anchor, 0))
	if got := state(e, "d"); got != "exited" {
		t.Errorf("without the other it is %s", got)
	}
	if err := e.StartContainer(t.Context(), id); !engine.IsConflict(err) {
		t.Errorf("starting it: %v", err)
	}
	must(t, e.RemoveContainer(t.Context(), anchor))
	if err := e.StartContainer(t.Context(), id); !engine.IsNotFound(err) {
		t.Errorf("starting it: %v", err)
	}
}

func TestAThrowawayDoesItsJobAndVanishes(t *testing.T) {
	e, _ := started(t)
	e.Program("job", func(p *enginetest.Process) int {
		stdin, _ := io.ReadAll(p.Stdin)
		_, _ = io.WriteString(p.Stderr, "complaint")
		_, _ = io.WriteString(p.Stdout, strings.Join(p.Args, "+")+string(stdin))
		return 3
	})
	id := create(t, e, engine.Specification{Name: "d", AutoRemove: true, Stdin: true, Entrypoint: []string{agentapi.Binary, "job", "a", "b"}})
	s, err := e.Attach(t.Context(), id)
	must(t, err)
	defer s.Close()
	must(t, e.StartContainer(t.Context(), id))
	_, err = io.WriteString(s, "stdin")
	must(t, err)
	must(t, s.CloseWrite())
	if out, err := io.ReadAll(s); err != nil || string(out) != "a+bstdin" || fmt.Sprint(s.Failure()) != "complaint" {
		t.Errorf("%q and %v, %v", out, s.Failure(), err)
	}
	must(t, e.WaitRemoved(t.Context(), id))
	if got := e.Names(); !slices.Equal(got, []string{"c"}) {
		t.Errorf("left are %q", got)
	}
}

func TestOutput(t *testing.T) {
	e, id := started(t)
	e.Program("ask", enginetest.InTurn(
		enginetest.Answer(func(stdin string) (string, string, int) { return "got " + stdin, "", 0 }),
		enginetest.Refuse("no"),
		enginetest.Print("anything")))
	if out, err := e.Output(t.Context(), id, "stdin", agentapi.Binary, "ask", "it"); err != nil || string(out) != "got stdin" {
		t.Errorf("%q, %v", out, err)
	}
	var failed *engine.ExitError
	if _, err := e.Output(t.Context(), id, strings.Repeat("x", 8<<20), agentapi.Binary, "ask"); !errors.As(err, &failed) || failed.Status != 1 || failed.Error() != "no" {
		t.Errorf("one that fails: %v", err)
	}
	if out, err := e.Output(t.Context(), id, "", agentapi.Binary, "ask"); err != nil || string(out) != "anything" {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := e.Output(t.Context(), id, "", agentapi.Binary, "ask"); err == nil {
		t.Error("there was a fourth answer")
	}
	if _, err := e.Output(t.Context(), id, "", agentapi.Binary, "other"); !errors.As(err, &failed) || failed.Status != agentapi.NoSuchMode {
		t.Errorf("a mode that is not there: %v", err)
	}
	if _, err := e.Output(t.Context(), id, "", "/bin/sh", "x"); !errors.As(err, &failed) || failed.Status != 127 {
		t.Errorf("a program that is not there: %v", err)
	}
	e.WantCalls("exec c ask it", "exec c ask", "exec c ask", "exec c ask", "exec c other", "exec c x")
	must(t, e.StopContainer(t.Context(), id, 0))
	if _, err := e.Output(t.Context(), id, "", agentapi.Binary, "ask"); !engine.IsConflict(err) {
		t.Errorf("in what does not run: %v", err)
	}
}

func TestAStreamIsServedInProcess(t *testing.T) {
	e, id := started(t)
	e.Program("connect", enginetest.Serve(func(c net.Conn) {
		// Both write first, as SSH's ends do.
		_, _ = io.WriteString(c, "hello")
		_, _ = io.Copy(c, c)
	}))
	s, err := e.Exec(t.Context(), id, agentapi.Binary, "connect")
	must(t, err)
	defer s.Close()
	_, err = io.WriteString(s, "x")
	must(t, err)
	b := make([]byte, 6)
	if _, err := io.ReadFull(s, b); err != nil || string(b) != "hellox" {
		t.Errorf("%q, %v", b, err)
	}
	must(t, s.SetReadDeadline(time.Now().Add(time.Millisecond)))
	if _, err := s.Read(b); !errors.Is(err, context.DeadlineExceeded) && !isTimeout(err) {
		t.Errorf("after its deadline: %v", err)
	}
	must(t, s.SetReadDeadline(time.Time{}))
	e.Change("c", func(c *enginetest.Container) { c.State = "exited" })
	if _, err := s.Read(b); err != io.EOF {
		t.Errorf("when its container has ended: %v", err)
	}
	var failed *engine.ExitError
	if err := s.Ended(t.Context(), "x"); !errors.As(err, &failed) {
		t.Errorf("it ended with %v", err)
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func TestFaults(t *testing.T) {
	e, id := started(t)
	broken := errors.New("broken")
	e.Fail("start", nil, broken)
	must(t, e.StartContainer(t.Context(), id))
	if err := e.StartContainer(t.Context(), id); err != broken {
		t.Errorf("the second: %v", err)
	}
	must(t, e.StartContainer(t.Context(), id))
	e.Before = func(call, name string) error {
		if call == "find" && name == "d" {
			return broken
		}
		return nil
	}
	if _, err := e.FindContainer(t.Context(), "d"); err != broken {
		t.Errorf("%v", err)
	}
	e.Record("a test's own")
	if got, want := e.Requests(), []string{"start c", "start c", "start c", "find d"}; !slices.Equal(got, want) {
		t.Errorf("requests: %q, want %q", got, want)
	}
	e.WantCalls("start c", "start c", "a test's own")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Now(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}

func TestTheClock(t *testing.T) {
	e := enginetest.New(t)
	e.Advance(time.Hour)
	if now, err := e.Now(t.Context()); err != nil || !now.Equal(enginetest.Epoch.Add(time.Hour)) {
		t.Errorf("%v, %v", now, err)
	}
	if info, err := e.Greet(t.Context()); err != nil || info.OS != "linux" || e.Kind(t.Context()) != engine.Plain {
		t.Errorf("%+v, %v", info, err)
	}
}

func TestVolumes(t *testing.T) {
	e, _ := started(t)
	ctx := t.Context()
	for range 2 {
		if v, err := e.CreateVolume(ctx, "v", map[string]string{"a": "b"}); err != nil || v.Labels["a"] != "b" {
			t.Errorf("%+v, %v", v, err)
		}
	}
	e.WantCalls("create-volume v")
	if _, err := e.FindVolume(ctx, "w"); !engine.IsNotFound(err) {
		t.Errorf("none: %v", err)
	}
	id := create(t, e, engine.Specification{Name: "d", Mounts: []engine.Mount{{Volume: "v", Target: "/nix"}, {Volume: "w", Target: "/w"}}})
	if err := e.RemoveVolume(ctx, "v"); !engine.IsConflict(err) {
		t.Errorf("one in use: %v", err)
	}
	if v, err := e.FindVolume(ctx, "w"); err != nil || len(v.Labels) != 0 {
		t.Errorf("one that a mount has made: %+v, %v", v, err)
	}
	if all, err := e.Volumes(ctx, "a=b"); err != nil || len(all) != 1 || all[0].Name != "v" {
		t.Errorf("%+v, %v", all, err)
	}
	must(t, e.RemoveContainer(ctx, id))
	must(t, e.RemoveVolume(ctx, "v"))
	must(t, e.RemoveVolume(ctx, "v"))
}

func TestImages(t *testing.T) {
	e, _ := started(t)
	ctx := t.Context()
	arm := engine.Image{ID: "arm", OS: "linux", Arch: "arm64"}
	e.Registry["r:5000/nixos/nix:2"] = arm
	for _, name := range []string{"image", "nixos/nix:1"} {
		if i, err := e.FindImage(ctx, name, ""); err != nil || i.ID != "image" || !slices.Equal(i.Tags, []string{"nixos/nix:1"}) {
			t.Errorf("%s: %+v, %v", name, i, err)
		}
	}
	var other *engine.OtherPlatformError
	if _, err := e.FindImage(ctx, "nixos/nix:1", "linux/arm64"); !errors.As(err, &other) || !engine.IsNotFound(err) {
		t.Errorf("of another platform: %v", err)
	}
	if err := e.PullImage(ctx, "nixos/nix:2", "", nil); err == nil {
		t.Error("what no registry has was pulled")
	}
	must(t, e.PullImage(ctx, "r:5000/nixos/nix:2", "", nil))
	e.AddImage(arm, "nixos/nix:2")
	if all, err := e.Images(ctx, "nixos/nix"); err != nil || len(all) != 2 || !slices.Equal(all[1].Tags, []string{"nixos/nix:2"}) {
		t.Errorf("%+v, %v", all, err)
	}
	archive, err := e.SaveImages(ctx, []string{"nixos/nix:1", "nixos/nix:2"})
	must(t, err)
	empty := enginetest.New(t)
	if refs, err := empty.LoadImages(ctx, archive); err != nil || !slices.Equal(refs, []string{"nixos/nix:1", "nixos/nix:2"}) {
		t.Errorf("%q, %v", refs, err)
	}
	if i, err := empty.FindImage(ctx, "nixos/nix:2", "linux/arm64"); err != nil || i.ID != "arm" {
		t.Errorf("%+v, %v", i, err)
	}
	if _, err := empty.LoadImages(ctx, strings.NewReader("hello")); !errors.Is(err, tar.ErrHeader) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("what is no archive: %v", err)
	}
	if err := e.RemoveImage(ctx, "nixos/nix:1"); !engine.IsConflict(err) {
		t.Errorf("one in use: %v", err)
	}
	must(t, e.RemoveImage(ctx, "nixos/nix:2"))
	if err := e.RemoveImage(ctx, "nixos/nix:2"); !engine.IsNotFound(err) {
		t.Errorf("one that is gone: %v", err)
	}
}
