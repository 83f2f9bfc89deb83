package test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/volume"
	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs testdata/*.txtar on the machine's own engine.
func TestScripts(t *testing.T) {
	t.Parallel()
	runScripts(t, theWorld.engine, "")
}

// TestEngines runs them on each of the engines in NIXPROXY_TEST_ENGINES, which
// are brought up for it and ended after it.
func TestEngines(t *testing.T) {
	for _, kind := range testEngines() {
		t.Run(kind, func(t *testing.T) { runScripts(t, startEngine(t, kind), kind+"-") })
	}
}

// testEngines are the kinds of engine to test besides the machine's own.
func testEngines() []string { return strings.Fields(os.Getenv("NIXPROXY_TEST_ENGINES")) }

// startEngine brings up an engine of the test's own.
func startEngine(t *testing.T, kind string) *testEngine {
	dir := t.TempDir()
	stop := sync.OnceFunc(func() {
		if output, err := exec.Command("../scripts/engine/engine", "stop", dir).CombinedOutput(); err != nil {
			t.Errorf("stopping %s: %v\n%s", kind, err, output)
		}
	})
	t.Cleanup(stop)
	start := exec.Command("../scripts/engine/engine", "start", kind, dir)
	start.Stderr = os.Stderr
	output, err := start.Output()
	if err != nil {
		t.Fatalf("starting %s: %v", kind, err)
	}
	e, err := openEngine(strings.TrimPrefix(strings.TrimSpace(string(output)), "DOCKER_HOST="))
	if err != nil {
		t.Fatal(err)
	}
	e.stop = func() { e.stopped = true; stop() }
	return e
}

func runScripts(t *testing.T, e *testEngine, infix string) { testscript.Run(t, scripts(e, infix)) }

// scripts are those in testdata, with the commands that they can use.
func scripts(e *testEngine, infix string) testscript.Params {
	return testscript.Params{
		Dir:                "testdata",
		RequireUniqueNames: true,
		Setup:              func(env *testscript.Env) error { return setup(env, e, infix) },
		Condition: func(condition string) (bool, error) {
			if condition != "podman" {
				return false, fmt.Errorf("there is no condition %s", condition)
			}
			return e.podman()
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"nixproxy":  nixproxyCommand,
			"status":    commandOf((*script).status),
			"events":    commandOf((*script).count),
			"record":    commandOf((*script).record),
			"recorded":  commandOf((*script).recorded),
			"publish":   commandOf((*script).publish),
			"container": commandOf((*script).container),
			"volume":    commandOf((*script).volume),
			"image-run": commandOf((*script).imageRun),
			"image":     commandOf((*script).image),
			"search":    commandOf((*script).search),
			"hold":      commandOf((*script).hold),
		},
	}
}

// A script is one script under way, with a volume and a corner of the registry
// of its own.
type script struct {
	*testscript.TestScript
	engine   *testEngine
	name     string // of its volume, and the path of its images
	events   *eventLog
	recorder *recorder
	held     *os.File // the lock at which a copy stops
}

type scriptKey struct{}

func commandOf(run func(*script, []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		s := ts.Value(scriptKey{}).(*script)
		s.TestScript = ts
		err := run(s, args)
		switch {
		case neg && err == nil:
			ts.Fatalf("unexpected success")
		case !neg && err != nil:
			ts.Fatalf("%v", err)
		}
	}
}

// setup gives a script its environment and publishes the test images for it.
func setup(env *testscript.Env, e *testEngine, infix string) error {
	w := theWorld
	// The working directory is named for the script: script-NAME.
	s := &script{engine: e, name: w.prefix + infix + strings.TrimPrefix(filepath.Base(env.WorkDir), "script-") + "-0"} // no name begins another
	env.Values[scriptKey{}] = s
	env.Defer(func() {
		s.events.close()
		if s.recorder != nil {
			s.recorder.listener.Close()
		}
		s.held.Close() // of none it is an error
		if err := e.clean(s.name); err != nil {
			env.T().Log("cleaning up: ", err)
			env.T().FailNow()
		}
	})
	s.events = e.follow()
	if err := s.hearing(); err != nil {
		return err
	}
	home := filepath.Join(w.homes, s.name) // the project must not be above it
	if err := makeHome(home); err != nil {
		return err
	}
	for i, variable := range []string{"OLD", "MID", "NEW"} {
		image := w.images[i]
		if err := w.registry.push(w.registry.open+"/"+s.name+"/nixos/nix:"+image.Version, image.Version); err != nil {
			return err
		}
		env.Setenv(variable, image.Version)
		env.Setenv("HOSTNIX_"+strings.ReplaceAll(image.Version, ".", "_"), image.Root+":"+image.Nix)
	}
	for name, value := range map[string]string{
		"HOME": home, "XDG_RUNTIME_DIR": "", "NAME": s.name, "ARCH": runtime.GOARCH,
		"PATH":        w.bin + ":" + env.Getenv("PATH"),
		"DOCKER_HOST": e.host, "DOCKER_CONFIG": filepath.Join(home, ".docker"),
		"OPEN": w.registry.open, "CLOSED": w.registry.closed, "BROKEN": w.registry.broken,
		"NIXPROXY_REGISTRY":    w.registry.open + "/" + s.name,
		"NIXPROXY_VOLUME":      s.name,
		"NIXPROXY_STATE":       filepath.Join(env.WorkDir, "state"),
		"NIXPROXY_NIX_VERSION": w.images[1].Version, // until hostnix says another
	} {
		env.Setenv(name, value)
	}
	return nil
}

// hearing waits until the engine tells this script of what it does.
func (s *script) hearing() error {
	_, err := s.engine.caughtUp(s.events, s.name+"-events")
	s.events.forget()
	return err
}

// makeHome makes a home directory whose Nix asks no substituter: none is to be
// reached, and each build would wait for that.
func makeHome(home string) error {
	config := filepath.Join(home, ".config/nix")
	if err := os.MkdirAll(config, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(config, "nix.conf"), []byte("substituters =\n"), 0o644)
}

// nixproxyCommand lets scripts write nixproxy for exec nixproxy.
func nixproxyCommand(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec("nixproxy", args...)
	switch {
	case neg && err == nil:
		ts.Fatalf("unexpected success")
	case !neg && err != nil:
		ts.Fatalf("nixproxy failed: %v", err)
	}
}

// status N CMD [ARG...]: CMD ends with just this exit status.
func (s *script) status(args []string) error {
	if len(args) < 2 {
		return errors.New("want status N CMD [ARG...]")
	}
	got := 0
	if err := s.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			return err
		}
		got = exit.ExitCode()
	}
	if strconv.Itoa(got) != args[0] {
		return fmt.Errorf("exit status %d, not %s", got, args[0])
	}
	return nil
}

// count is the command events. events mark: from now on they are counted. events
// N pull|anchor|proxy|throwaway: since then N images were pulled, or N such
// containers made.
func (s *script) count(args []string) error {
	seen, err := s.engine.caughtUp(s.events, s.name+"-events")
	if err != nil {
		return err
	}
	if len(args) == 1 && args[0] == "mark" {
		s.events.forget()
		return nil
	}
	if len(args) != 2 {
		return errors.New("want events mark, or events N pull|anchor|proxy|throwaway")
	}
	n := 0
	for _, m := range seen {
		if isEvent(m, s.name, args[1]) {
			n++
		}
	}
	if strconv.Itoa(n) != args[0] {
		return fmt.Errorf("%d events %s, not %s", n, args[1], args[0])
	}
	return nil
}

// record: from now on requests to the engine go through a recorder. record far:
// through one at an address that is not this machine's loopback.
func (s *script) record(args []string) error {
	network, address := "unix", filepath.Join(s.Getenv("WORK"), "engine.sock")
	if len(args) > 0 {
		conn, err := net.Dial("udp", "192.0.2.1:9") // sends nothing, and tells which address would be ours
		if err != nil {
			return err
		}
		conn.Close()
		network, address = "tcp", net.JoinHostPort(conn.LocalAddr().(*net.UDPAddr).IP.String(), "0")
	}
	if s.recorder != nil {
		s.recorder.listener.Close()
	}
	var err error
	if s.recorder, err = startRecorder(network, address, s.engine.socket()); err != nil {
		return err
	}
	s.Setenv("DOCKER_HOST", network+"://"+s.recorder.listener.Addr().String())
	return nil
}

// recorded N CMD [ARG...]: CMD succeeds with at most N requests to the engine,
// and with one at least unless N is 0. How long it takes makes no difference.
func (s *script) recorded(args []string) error {
	most, err := strconv.Atoi(args[0])
	if err != nil || s.recorder == nil {
		return errors.New("want record, and then recorded N CMD [ARG...]")
	}
	s.recorder.forget()
	if s.recorder.ever() == 0 && most == 0 {
		return errors.New("nothing was recorded before: no request would be no wonder")
	}
	if err := s.Exec(args[1], args[2:]...); err != nil {
		return err
	}
	requests := slices.DeleteFunc(s.recorder.forget(), isWatch)
	s.Logf("requests: %q", requests)
	if len(requests) > most || len(requests) == 0 && most > 0 {
		return fmt.Errorf("%d requests: %q", len(requests), requests)
	}
	return nil
}

// isWatch knows the request by which a bridge that is in use for a second is watched
// over: on a busy machine that is one for the shortest command.
func isWatch(request string) bool { return strings.HasSuffix(request, "/wait") }

// publish [-fresh|-foreign] VERSION REF: the registry has a test image by this
// reference; as it is, with a layer that no engine has, or for an architecture
// that none has.
func (s *script) publish(args []string) error {
	flag := ""
	if len(args) == 3 {
		flag, args = args[0], args[1:]
	}
	if len(args) != 2 {
		return errors.New("want publish [-fresh|-foreign] VERSION REF")
	}
	switch r := theWorld.registry; flag {
	case "":
		return r.push(args[1], args[0])
	case "-fresh":
		return r.push(args[1], args[0], fresh(4<<20))
	case "-foreign":
		return r.pushForeign(args[1], args[0])
	}
	return fmt.Errorf("publish has no %s", flag)
}

// container rm|kill|stop|restart ROLE: what a user might do to one of our containers by
// hand. container await N ROLE: so many run, sooner or later; container gone ROLE:
// there is none any more. container N ROLE: there are so many of the role,
// container N running ROLE. container published ROLE: prints where its ports can
// be reached.
func (s *script) container(args []string) error {
	switch args[0] {
	case "await":
		return s.awaitRole(args[2], args[1]+" of role "+args[2]+" run", func(found []container.Summary) bool { return strconv.Itoa(running(found)) == args[1] })
	case "gone":
		return s.awaitRole(args[1], "all of role "+args[1]+" are gone", func(found []container.Summary) bool { return len(found) == 0 })
	}
	found, err := s.engine.role(s.Getenv("NIXPROXY_VOLUME"), args[len(args)-1])
	if err != nil {
		return err
	}
	if want, err := strconv.Atoi(args[0]); err == nil {
		n := len(found)
		if args[1] == "running" {
			n = running(found)
		}
		if n != want {
			return fmt.Errorf("%d containers, not %d", n, want)
		}
		return nil
	}
	if len(found) == 0 {
		return errors.New("there is none")
	}
	if args[0] == "published" {
		s.published(found)
		return nil
	}
	return s.byHand(args[0], found)
}

func (s *script) published(containers []container.Summary) {
	for _, c := range containers {
		for _, p := range c.Ports {
			fmt.Fprintf(s.Stdout(), "%s:%d\n", p.IP, p.PublicPort)
		}
	}
}

func running(containers []container.Summary) int {
	n := 0
	for _, c := range containers {
		if c.State == "running" {
			n++
		}
	}
	return n
}

// sooner is how long a script waits for what comes by itself. Some of that is done
// at the lowest priority, on processors that other tests keep busy.
const sooner = 5 * time.Minute

func (s *script) awaitRole(role, what string, is func([]container.Summary) bool) error {
	for deadline := time.Now().Add(sooner); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		found, err := s.engine.role(s.Getenv("NIXPROXY_VOLUME"), role)
		if err != nil || is(found) {
			return err
		}
	}
	return fmt.Errorf("%s: not so after %v", what, sooner)
}

func (s *script) byHand(verb string, containers []container.Summary) error {
	ctx, second := context.Background(), 1
	for _, c := range containers {
		var err error
		switch verb {
		case "rm":
			err = s.engine.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true})
		case "kill":
			err = s.engine.ContainerKill(ctx, c.ID, "KILL")
		case "restart":
			err = s.engine.ContainerRestart(ctx, c.ID, container.StopOptions{Timeout: &second})
		case "stop":
			err = s.engine.ContainerStop(ctx, c.ID, container.StopOptions{Timeout: &second})
		default:
			err = fmt.Errorf("container has no %s", verb)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// volume create NAME [LABEL=VALUE...], volume there NAME, volume rm NAME: past
// nixproxy. volume at NAME prints where it is on this machine.
func (s *script) volume(args []string) error {
	ctx := context.Background()
	switch verb, name := args[0], args[1]; verb {
	case "create":
		labels := map[string]string{}
		for _, label := range args[2:] {
			key, value, _ := strings.Cut(label, "=")
			labels[key] = value
		}
		_, err := s.engine.VolumeCreate(ctx, volume.CreateOptions{Name: name, Labels: labels})
		return err
	case "there":
		_, err := s.engine.VolumeInspect(ctx, name)
		return err
	case "at":
		found, err := s.engine.VolumeInspect(ctx, name)
		fmt.Fprintln(s.Stdout(), found.Mountpoint)
		return err
	case "rm":
		return s.engine.VolumeRemove(ctx, name, false)
	}
	return fmt.Errorf("volume has no %s", args[0])
}

// image there REF: past nixproxy.
func (s *script) image(args []string) error {
	if len(args) != 2 || args[0] != "there" {
		return errors.New("want image there REF")
	}
	_, err := s.engine.ImageInspect(context.Background(), args[1])
	return err
}

// image-run REF VOLUME DIR CMD [ARG...]: a container past nixproxy, with the
// volume mounted at DIR in the engine's own manner.
func (s *script) imageRun(args []string) error {
	mounts := []mount.Mount{{Type: mount.TypeVolume, Source: args[1], Target: args[2]}}
	output, err := s.engine.run(args[0], mounts, args[3:]...)
	fmt.Fprint(s.Stdout(), output)
	return err
}
