package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/agentbin/agentbintest"
	"github.com/nixproxy/nixproxy/internal/container"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/engine/enginetest"
	"github.com/nixproxy/nixproxy/internal/filelock"
	"github.com/nixproxy/nixproxy/internal/proxy/proxytest"
	"github.com/nixproxy/nixproxy/internal/session"
	"github.com/nixproxy/nixproxy/internal/volume"
)

// in returns a Proxy in a world.
func in(w *proxytest.World) *Proxy {
	return &Proxy{
		Settings: w.Settings, Terminal: w.Terminal, State: w.State, Agents: agentbintest.Agents(),
		Host:      Host{System: "linux", Dir: w.Dir, Home: w.Home},
		NewEngine: func(engine.Endpoint, string) (Engine, error) { return w.Engine, nil },
	}
}

// run runs a command to its end and returns what it wrote.
func run(t *testing.T, p *Proxy, argv ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := p.Output(t.Context(), &out, func(line string) { t.Logf("stderr: %s", line) }, argv...)
	return out.String(), err
}

// echo is a session that writes its arguments.
func echo(s *session.Session) {
	_ = s.Started()
	fmt.Fprint(s, strings.Join(s.Request.Argv, " "))
	s.Exit(session.Exit{}, 0)
}

// proxyName is the name of the only proxy container.
func proxyName(t *testing.T, w *proxytest.World) string {
	t.Helper()
	var found []string
	for _, name := range w.Names() {
		if w.Container(name).Labels[container.LabelRole] == string(container.RoleProxy) {
			found = append(found, name)
		}
	}
	if len(found) != 1 {
		t.Fatalf("the proxy containers are %q", found)
	}
	return found[0]
}

func TestTheFirstCommandMakesEverythingInOrder(t *testing.T) {
	w := proxytest.New(t)
	w.Run = echo
	p := in(w)
	if out, err := run(t, p, "nix", "build"); err != nil || out != "nix build" {
		t.Fatalf("%q, %v\n%s", out, err, w.Shown())
	}
	name := proxyName(t, w)
	identity := proxytest.Stamp().Identity
	w.WantCalls("create-volume "+proxytest.Volume,
		"create "+proxytest.Anchor, "copy "+proxytest.Anchor, "start "+proxytest.Anchor, "exec "+proxytest.Anchor+" prepare",
		"create "+proxytest.Throwaway, "copy "+proxytest.Throwaway, "attach "+proxytest.Throwaway, "start "+proxytest.Throwaway, "remove "+proxytest.Throwaway,
		"create "+name, "copy "+name, "start "+name, "exec "+name+" describe", "exec "+name+" enroll",
		"exec "+name+" connect", // the Nix of a new container is run once
		"exec "+name+" connect")
	c := w.Container(name)
	mounts := []engine.Mount{{Volume: proxytest.Volume, Target: "/nix"}, {Bind: w.Dir, Target: w.Dir}}
	if c.PidOf != w.Container(proxytest.Anchor).ID || c.Labels[container.LabelImage] != identity || !slices.Equal(c.Spec.Mounts, mounts) {
		t.Errorf("the proxy container is %+v", c.Spec)
	}
	requests := w.SessionRequests()
	if len(requests) != 1 || !slices.Equal(requests[0].Argv, []string{"nix", "build"}) || requests[0].Dir != w.Dir {
		t.Errorf("the sessions are %+v", requests)
	}
}

func TestTheSecondCommandAsksTheEngineForAnExecAlone(t *testing.T) {
	w := proxytest.New(t)
	w.Run = echo
	p := in(w)
	for _, argv := range []string{"first", "second"} {
		w.Forget()
		if out, err := run(t, p, argv); err != nil || out != argv {
			t.Fatalf("%q, %v", out, err)
		}
	}
	if got, want := w.Requests(), []string{"exec " + proxyName(t, w) + " connect"}; !slices.Equal(got, want) {
		t.Errorf("the engine was asked for %q, want %q", got, want)
	}
}

// listen serves the agent of the only proxy container on a port.
func listen(t *testing.T, w *proxytest.World) {
	t.Helper()
	w.Address = at(t, func(c net.Conn) {
		for _, name := range w.Names() {
			if specification := w.Container(name).Labels[container.LabelSpecification]; specification != "" {
				w.Serve(c, specification)
			}
		}
	})
}

func TestOverThePortTheEngineIsAskedForNothing(t *testing.T) {
	w := proxytest.New(t)
	w.Run = echo
	listen(t, w)
	w.Settings.Transport = "port" // with its own patience
	p := in(w)
	p.NewEngine = func(endpoint engine.Endpoint, apiVersion string) (Engine, error) {
		if apiVersion != "" {
			t.Error("an engine is opened for a warm command")
		}
		return w.Engine, nil
	}
	p.Settings.Host = "tcp://127.0.0.1:1" // on this machine, so that there is a port
	if _, err := run(t, p, "first"); err != nil {
		t.Fatalf("%v\n%s", err, w.Shown())
	}
	w.Forget()
	if out, err := run(t, p, "second"); err != nil || out != "second" {
		t.Errorf("%q, %v", out, err)
	}
	if got := w.Requests(); len(got) != 0 {
		t.Errorf("the engine was asked for %q", got)
	}
}

// A port that is closed costs one attempt, and is then left alone for a while.
func TestAPortThatDoesNotAnswerRests(t *testing.T) {
	w := proxytest.New(t)
	w.Address = closed(t)
	p := in(w)
	p.Settings.Transport, p.Settings.Host = "auto", "tcp://127.0.0.1:1"
	if _, err := run(t, p, "first"); err != nil {
		t.Fatalf("%v\n%s", err, w.Shown())
	}
	tries := strings.Count(w.Shown(), "does not answer")
	if tries == 0 {
		t.Errorf("the port was not tried:\n%s", w.Shown())
	}
	s, err := p.spec(t.Context())
	if err == nil {
		s.project, err = p.project()
	}
	var known remembered
	if err != nil || !p.State.Load(s.stateFile(), &known) || known.Address != w.Address || known.Rested.IsZero() {
		t.Fatalf("%+v is remembered, %v", known, err)
	}
	known.Rested = time.Now().Add(time.Hour)
	if err := p.State.Save(s.stateFile(), known); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, p, "second"); err != nil || strings.Count(w.Shown(), "does not answer") != tries {
		t.Errorf("the port did not rest: %v\n%s", err, w.Shown())
	}
}

func TestRefusalsThatTheSlowWayRepairs(t *testing.T) {
	for _, test := range []struct {
		reason session.Reason
		slow   bool
	}{
		{session.Unstamped, true}, {session.NoDirectory, true},
		{session.NotFound, false}, {session.NotExecutable, false}, {session.Failed, false},
	} {
		w := proxytest.New(t)
		p := in(w)
		if _, err := run(t, p, "first"); err != nil {
			t.Fatal(err)
		}
		w.Forget()
		refusals := 0
		w.Run = func(s *session.Session) {
			if refusals++; refusals <= 2 { // the warm way, and that of whoever got the lock
				s.Refuse(&session.Refused{Reason: test.reason, Message: "no"})
				return
			}
			echo(s)
		}
		out, err := run(t, p, "again")
		if refused, ok := errors.AsType[*session.Refused](err); test.slow != (err == nil && out == "again") || !test.slow && (!ok || refused.Reason != test.reason) {
			t.Errorf("reason %d: %q, %v", test.reason, out, err)
		}
		if greeted := slices.Contains(w.Requests(), "greet"); greeted != test.slow {
			t.Errorf("reason %d: the engine was asked for %q", test.reason, w.Requests())
		}
	}
}

// What failed only because a container ended for want of use is begun anew.
func TestAContainerThatEndsMeanwhileIsMadeAnew(t *testing.T) {
	w := proxytest.New(t)
	var names []string
	w.Run = func(s *session.Session) {
		if names = append(names, proxyName(t, w)); len(names) < 3 {
			w.Change(names[0], func(c *enginetest.Container) { c.State = "exited" })
			return
		}
		echo(s)
	}
	if out, err := run(t, in(w), "x"); err != nil || out != "x" {
		t.Fatalf("%q, %v\n%s", out, err, w.Shown())
	}
	if starts := count(w.Calls(), "start "+names[0]); starts != 3 || strings.Count(w.Shown(), "once more") != 2 {
		t.Errorf("the container was started %d times:\n%s", starts, w.Shown())
	}
}

func TestAContainerThatAlwaysEndsIsGivenUpAfterThreeTimes(t *testing.T) {
	w := proxytest.New(t)
	w.Run = func(s *session.Session) {
		w.Change(proxyName(t, w), func(c *enginetest.Container) { c.State = "exited" })
	}
	_, err := run(t, in(w), "x")
	if err == nil || !strings.Contains(err.Error(), "it was tried 3 times") {
		t.Errorf("got %v", err)
	}
	if starts := count(w.Calls(), "start "+proxyName(t, w)); starts != 3 {
		t.Errorf("the container was started %d times", starts)
	}
}

// The anchor can end as well, in the middle of what is asked of it.
func TestAnAnchorThatEndsMeanwhileIsStartedAnew(t *testing.T) {
	w := proxytest.New(t)
	prepared := 0
	w.Before = func(call, name string) error {
		if call == "exec" && name == proxytest.Anchor+" prepare" {
			if prepared++; prepared == 1 {
				w.Change(proxytest.Anchor, func(c *enginetest.Container) { c.State = "exited" })
			}
		}
		return nil
	}
	if _, err := run(t, in(w), "x"); err != nil {
		t.Fatalf("%v\n%s", err, w.Shown())
	}
	if starts := count(w.Calls(), "start "+proxytest.Anchor); starts != 2 {
		t.Errorf("the anchor was started %d times", starts)
	}
}

func count(calls []string, call string) (n int) {
	for _, c := range calls {
		if c == call {
			n++
		}
	}
	return n
}

// A failure that no container's end explains is told at once, but not before the
// engine had time to notice an end.
func TestOtherFailuresAreNotTriedAgain(t *testing.T) {
	proxytest.Isolate(t)
	synctest.Test(t, func(t *testing.T) {
		w := proxytest.NewIn(t)
		w.Program(agentapi.ModeEnroll, enginetest.Refuse("its disk is broken"))
		begin := time.Now()
		_, err := run(t, in(w), "x")
		if err == nil || !strings.Contains(err.Error(), "its disk is broken") || !strings.Contains(err.Error(), "setting up container "+proxyName(t, w)) {
			t.Errorf("got %v", err)
		}
		if enrolled := count(w.Calls(), "exec "+proxyName(t, w)+" enroll"); enrolled != 1 {
			t.Errorf("it was tried %d times", enrolled)
		}
		if waited := time.Since(begin); waited < notice || waited > 2*notice {
			t.Errorf("it was waited %v for an end to be noticed", waited)
		}
	})
}

func TestTheLockIsHeldWhileTheEngineIsChanged(t *testing.T) {
	w := proxytest.New(t)
	p := in(w)
	s, err := p.spec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	free := func() bool {
		release, err := filelock.TryAcquire(filepath.Join(p.State.Path(), "engine-"+digest(s.endpoint.Address)+".lock"), filelock.Exclusive)
		if err == nil {
			release()
		}
		return err == nil
	}
	held := map[string]bool{}
	w.Before = func(call, name string) error {
		if isHeld := !free(); strings.HasPrefix(call, "create") || call == "start" || call == "remove" || call == "stop" || call == "remove-volume" {
			held[call] = isHeld
			if !isHeld {
				t.Errorf("%s %s without the lock", call, name)
			}
		}
		return nil
	}
	if _, err := run(t, p, "x"); err != nil {
		t.Fatal(err)
	}
	if !free() {
		t.Error("the lock is held after the command was started")
	}
	if _, err := p.OpenVolume(t.Context()); err != nil || !free() {
		t.Errorf("a handle holds the lock, %v", err)
	}
	if _, err := p.Stop(t.Context()); err != nil || !free() {
		t.Errorf("the lock is held after stop, %v", err)
	}
	if _, err := p.Remove(t.Context(), ""); err != nil || !free() {
		t.Errorf("the lock is held after rm, %v", err)
	}
	for _, call := range []string{"create-volume", "create", "start", "remove", "stop"} {
		if _, seen := held[call]; !seen {
			t.Errorf("%s was not seen", call)
		}
	}
}

// Who uses the database may need the lock to end, and so does `nixproxy stop`.
func TestADatabaseInUseIsWaitedForWithoutTheLock(t *testing.T) {
	proxytest.Isolate(t)
	synctest.Test(t, func(t *testing.T) {
		w := proxytest.NewIn(t)
		p := in(w)
		holder := agentapi.Holder{PID: 7, Command: "nix build", Dir: "/p"}
		syncs := 0
		stamp := proxytest.Stamp()
		w.Program(agentapi.ModeSync, func(process *enginetest.Process) int {
			if syncs++; syncs == 1 {
				return proxytest.Result(process.Stdout, agentapi.Synced{Held: []agentapi.Holder{holder}})
			}
			w.SetStamps(stamp)
			return proxytest.Result(process.Stdout, agentapi.Synced{Stamp: &stamp})
		})
		asked := 0
		w.Program(agentapi.ModeHolders, func(process *enginetest.Process) int {
			s, err := p.spec(t.Context())
			if err == nil {
				var unlock func()
				if unlock, err = p.lock(t.Context(), s.endpoint); err == nil {
					unlock()
				}
			}
			if err != nil {
				t.Error(err)
			}
			if asked++; asked < 3 {
				fmt.Fprint(process.Stdout, `[{"pid":7}]`)
			} else {
				fmt.Fprint(process.Stdout, `[]`)
			}
			return 0
		})
		if _, err := run(t, p, "x"); err != nil {
			t.Fatalf("%v\n%s", err, w.Shown())
		}
		if syncs != 2 || asked != 3 || !strings.Contains(w.Shown(), "in use by `nix build` in /p (process 7)") {
			t.Errorf("%d syncs, asked %d times\n%s", syncs, asked, w.Shown())
		}
		if strings.Contains(w.Shown(), "once more") {
			t.Error("a held database counts as a container's end")
		}
	})
}

func TestANewContainerMustHaveThePromisedNix(t *testing.T) {
	for printed, says := range map[string]string{
		"nix (Nix) 2.8.0\nmore\n": `nix says "nix (Nix) 2.8.0" where "nix (Nix) 2.26.3" was promised by image ` + proxytest.Reference,
		"":                        `nix says ""`,
	} {
		w := proxytest.New(t)
		w.Nix = printed
		if _, err := run(t, in(w), "x"); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: got %v", printed, err)
		}
		if requests := w.SessionRequests(); len(requests) != 0 {
			t.Errorf("%q: the command was started all the same", printed)
		}
	}
}

func TestAnImageMustHoldTheNixOfItsTag(t *testing.T) {
	w := proxytest.New(t)
	stamp := proxytest.Stamp()
	stamp.Version = "nix (Nix) 2.8.0"
	w.AddVolume(stamp)
	if _, err := run(t, in(w), "x"); err == nil || !strings.Contains(err.Error(), "holds Nix 2.8.0, not 2.26.3") {
		t.Errorf("got %v", err)
	}
}

func TestAMountThatTheEngineDoesNotSee(t *testing.T) {
	for name, test := range map[string]struct {
		facts   string // of the project, inside
		runs    bool   // the container, before
		says    string // of the error; empty: none
		removed int    // times
	}{
		"empty, in a new container":         {"empty directory", false, "does not see", 1},
		"not permitted":                     {agentapi.Denied, false, "may not read", 1},
		"empty, in one that others use":     {"empty directory", true, "does not see", 0},
		"removed and made anew on the host": {agentapi.Deleted, true, "", 1},
	} {
		w := proxytest.New(t)
		if err := os.WriteFile(filepath.Join(w.Dir, "file"), []byte("content"), 0o600); err != nil {
			t.Fatal(err)
		}
		p := in(w)
		if test.runs {
			if _, err := run(t, p, "before"); err != nil {
				t.Fatal(err)
			}
			p.Settings.Pull = "always" // the slow way is gone
			w.Registry[proxytest.Reference] = proxytest.Image
			w.Forget()
		}
		wrong := enginetest.Print(fmt.Sprintf("[[%q,%q]]", test.facts, agentapi.Nothing))
		if test.says == "" {
			views := []agentapi.View{{Path: w.Dir, Names: []string{"file"}}}
			right := enginetest.Print(fmt.Sprintf("[[%q,%q]]", views[0].Facts()[0], views[0].Facts()[1]))
			w.Program(agentapi.ModeDescribe, enginetest.InTurn(wrong, wrong, wrong, right))
		} else {
			w.Program(agentapi.ModeDescribe, wrong)
		}
		_, err := run(t, p, "x")
		if test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says+" "+w.Dir)) {
			t.Errorf("%s: %v", name, err)
		}
		removed, described := 0, 0
		for _, call := range w.Calls() {
			if strings.HasPrefix(call, "remove "+proxytest.Volume) && !strings.HasSuffix(call, "-sync") {
				removed++
			}
			if strings.HasSuffix(call, " describe") {
				described++
			}
		}
		if removed != test.removed || test.says != "" && described != looks {
			t.Errorf("%s: looked %d times and removed %d times: %q", name, described, removed, w.Calls())
		}
	}
}

func TestLimitsThatTheEngineRefuses(t *testing.T) {
	w := proxytest.New(t)
	w.Settings.Memory = "1g"
	creates := 0
	w.Before = func(call, name string) error {
		if call == "create" && name != proxytest.Anchor && name != proxytest.Throwaway {
			creates++
			return errors.New("cgroup controller memory is not available")
		}
		return nil
	}
	if _, err := run(t, in(w), "x"); err == nil || !strings.Contains(err.Error(), "cgroup controller memory is not available") || creates != 1 {
		t.Errorf("after %d attempts: %v", creates, err)
	}
}

func TestAnEngineOfAnotherSystemIsRefused(t *testing.T) {
	w := proxytest.New(t)
	w.Info.OS = "windows"
	if _, err := run(t, in(w), "x"); err == nil || !strings.Contains(err.Error(), "runs windows containers") {
		t.Errorf("got %v", err)
	}
	w.WantCalls()
}

func TestAnEmulatedImageIsWarnedOf(t *testing.T) {
	w := proxytest.New(t)
	w.Info.Arch = "arm64"
	w.Settings.Platform = "linux/amd64"
	if _, err := run(t, in(w), "x"); err != nil || !strings.Contains(w.Shown(), "all of it runs under emulation") {
		t.Errorf("%v\n%s", err, w.Shown())
	}
}

func TestTheAnchorOfAVolumeThatIsRefusedIsRemoved(t *testing.T) {
	for other, left := range map[string]bool{"": false, "a proxy container": true} {
		w := proxytest.New(t)
		w.Program(agentapi.ModePrepare, enginetest.Refuse("it holds /nix/store and no layout of nixproxy's"))
		if other != "" {
			w.AddAnchor("running")
			w.Add(engine.Container{Name: "other", State: "running", Labels: map[string]string{container.LabelVolume: proxytest.Volume, container.LabelRole: string(container.RoleProxy)}})
		}
		_, err := run(t, in(w), "x")
		if _, unusable := errors.AsType[*volume.UnusableError](err); !unusable {
			t.Errorf("got %v", err)
		}
		if is := w.Container(proxytest.Anchor) != nil; is != left {
			t.Errorf("with %q: an anchor is left: %v", other, is)
		}
	}
}

func TestOutputReturnsTheProgramsLastLine(t *testing.T) {
	w := proxytest.New(t)
	w.Run = func(s *session.Session) {
		_ = s.Started()
		fmt.Fprint(s.Stderr(), "first\nlast\n")
		s.Exit(session.Exit{Status: 3}, 0)
	}
	var said []string
	err := in(w).Output(t.Context(), &bytes.Buffer{}, func(line string) { said = append(said, line) }, "x")
	if err == nil || err.Error() != "last" || !slices.Equal(said, []string{"first"}) {
		t.Errorf("%v, after %q", err, said)
	}
}

func TestAnSSHAgentThatIsNotThereIsToldBeforeAnything(t *testing.T) {
	w := proxytest.New(t)
	w.Settings.SSH = true
	p := in(w)
	if _, err := run(t, p, "x"); err == nil || !strings.Contains(err.Error(), "SSH_AUTH_SOCK is not set") {
		t.Errorf("none: %v", err)
	}
	p.Host.SSHAgent = filepath.Join(w.Dir, "none")
	if _, err := run(t, p, "x"); err == nil || !strings.Contains(err.Error(), "no ssh agent answers") {
		t.Errorf("a dead one: %v", err)
	}
	if got := w.Requests(); len(got) != 0 {
		t.Errorf("the engine was asked for %q", got)
	}
	dir, err := os.MkdirTemp("", "agent") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	socket, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	p.Host.SSHAgent = socket.Addr().String()
	if _, err := run(t, p, "x"); err != nil || !w.SessionRequests()[0].SSHAgent {
		t.Errorf("one that answers: %v", err)
	}
}

func TestTheUserIsToldWhatWasChosen(t *testing.T) {
	w := proxytest.New(t)
	w.Settings.NoMount = true
	p := in(w)
	s, err := p.spec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.onHost, s.project.Note, s.config.withheld = false, "nothing is mounted", errors.New("netrc cannot be read")
	s.explain(p.Terminal)
	for _, words := range []string{"this host has no Nix; using 2.26.3", "nothing is mounted", "netrc cannot be read"} {
		if !strings.Contains(w.Shown(), words) {
			t.Errorf("%q is not said:\n%s", words, w.Shown())
		}
	}
}

func TestANixThatNeedsAVolumeOfItsOwnMakesNothing(t *testing.T) {
	w := proxytest.New(t)
	w.Settings.NixVersion = "2.35.0"
	if _, err := run(t, in(w), "x"); err == nil {
		t.Error("it was started on the volume that all share")
	}
	w.WantCalls()
}
